#!/bin/sh
# Print the path of a Chromium or Chrome that is on this machine; fail when there is none.
for name in "$CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable; do
  if [ -n "$name" ] && command -v "$name"; then exit 0; fi
done
exit 1
