"""Notebooks executed in place, with what differs from run to run left out.

    python -m nbconvert --config tools/nbconvert_config.py book/families/*.ipynb

Outputs stay; timings and kernel details go, so that running a notebook again on the same code leaves the
file as it was.  A notebook that fails is left untouched.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "book" / "_ext"))

c = get_config()  # noqa: F821  # nbconvert provides it

c.NbConvertApp.export_format = "notebook"
c.NbConvertApp.use_output_suffix = False
c.FilesWriter.build_directory = ""
c.ExecutePreprocessor.enabled = True
c.ExecutePreprocessor.timeout = 600
c.ExecutePreprocessor.record_timing = False
c.ExecutePreprocessor.kernel_manager_class = "pp_kernels.AsyncLocalKernelManager"
c.ExecutePreprocessor.extra_arguments = ["--IPKernelApp.log_level=40"]
c.CoalesceStreamsPreprocessor.enabled = False
c.ClearMetadataPreprocessor.enabled = True
c.ClearMetadataPreprocessor.preserve_cell_metadata_mask = {"tags", "mystnb"}
c.ClearMetadataPreprocessor.preserve_nb_metadata_mask = {"kernelspec", ("language_info", "name")}
