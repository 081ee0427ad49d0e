#!/bin/sh
# install_torch.sh CHOICE INDEX PYTHON INSTALLER…: PyTorch's build without CUDA into an environment, where that will do.
#
# On Linux the usual index has PyTorch with CUDA, which is gigabytes. CHOICE cpu takes the other build, cuda leaves it to
# the usual index, and nothing chooses: cpu where there is no NVIDIA device, no PyTorch yet, and INDEX answers.
set -eu
choice=$1 index=$2 python=$3
shift 3

case $choice in
  cpu) ;;
  cuda) exit 0 ;;
  '')
    [ "$(uname -s)" = Linux ] || exit 0
    [ ! -e "${NVIDIA_DRIVER:-/proc/driver/nvidia}" ] || exit 0
    ! command -v nvidia-smi >/dev/null || exit 0
    ! "$python" -c 'import importlib.metadata as m; m.version("torch")' 2>/dev/null || exit 0
    "$python" - "$index/torch/" 2>/dev/null <<'END' || exit 0
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="HEAD"), timeout=3)
END
    ;;
  *)
    echo "error: TORCH is cpu or cuda, found '$choice'; without it, cpu is taken where there is no NVIDIA device" >&2
    exit 2
    ;;
esac

# Its dependencies come with the others, from the usual index; not all that are pinned are on this one.
torch=$(grep '^torch==' constraints.txt | cut -d ';' -f 1)
echo "Installing $torch without CUDA from $index ..." >&2
"$@" --no-deps --index-url "$index" "$torch" || [ -z "$choice" ]
