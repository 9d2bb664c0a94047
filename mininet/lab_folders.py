"""Folders that a host has for itself: it sees what the machine has there, and keeps what it writes.

An overlay in the host's own mount namespace: nothing of it is on the machine, neither a changed
file nor an empty mount point, and it is gone with the host's last process.
"""

import os

from lab_errors import LabError, run

# Any folder that every machine has will do: while it is built, the overlay's upper layer is mounted
# here, seen by nobody but the host; afterwards the overlay alone holds it.
SCAFFOLD = "/mnt"


def make_private(node, folders):
    """Mounts an overlay over each folder. Raises LabError where a folder or overlayfs is missing."""
    for folder in folders:
        if not os.path.isdir(folder):
            raise LabError(f"{node.name}: privateFolders: the machine has no folder {folder}")
        run(["mount", "-t", "tmpfs", "-o", "mode=0755", "mptk-lab", SCAFFOLD], node)
        try:
            upper, work = f"{SCAFFOLD}/upper", f"{SCAFFOLD}/work"
            run(["mkdir", upper, work], node)
            # The overlay shows the upper layer's owner and mode as the folder's own.
            run(["chown", f"--reference={folder}", upper], node)
            run(["chmod", f"--reference={folder}", upper], node)
            layers = f"lowerdir={folder},upperdir={upper},workdir={work}"
            run(["mount", "-t", "overlay", "-o", layers, "mptk-lab", folder], node)
        finally:
            run(["umount", "--lazy", SCAFFOLD], node)
