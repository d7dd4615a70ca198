#!/bin/sh
# Install Debian's Chromium, which the page tests drive; say in one line what to do where that is impossible.
# Not `playwright install`: its download is refused where only package mirrors are reachable.
root=
[ "$(id -u)" -eq 0 ] || root=sudo
if command -v apt-get >/dev/null && { [ -z "$root" ] || command -v sudo >/dev/null; }; then
  echo "Installing Chromium with apt-get (the page tests drive it)."
  $root apt-get update -qq && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null && exit 0
fi
echo "The page tests need Chromium: install it, or set CHROMIUM=/path/to/chromium, and run 'make test' again." >&2
exit 1
