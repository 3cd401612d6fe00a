# Commands for gdb; `make gdb` loads them.
import re
import subprocess

import gdb


class Loader(gdb.Command):
    """Find the boot loader in memory and add its symbols.

    The firmware puts it anywhere below 256 MiB, so it is known by the code of efi_main().
    pinwheel-loader [build/boot/boot.so]"""

    def __init__(self):
        super().__init__("pinwheel-loader", gdb.COMMAND_FILES, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        elf = argument or self.beside_hypervisor()
        text = subprocess.check_output(["readelf", "-WS", elf], text=True)
        address, offset = (int(x, 16) for x in re.search(r"\.text +\w+ +(\w+) +(\w+)", text).groups())
        symbols = subprocess.check_output(["nm", elf], text=True)
        entry = int(re.search(r"^(\w+) T efi_main$", symbols, re.M)[1], 16)
        with open(elf, "rb") as file:
            file.seek(offset + entry - address)
            code = file.read(48)

        step = 0x100000
        for start in range(0x0FF00000, 0, -step):
            memory = bytes(gdb.selected_inferior().read_memory(start, step))
            found = memory.find(code)
            if found >= 0 and (start + found - entry) % 4096 == 0:
                gdb.execute(f"add-symbol-file {elf} -o {start + found - entry:#x}")
                return
        raise gdb.GdbError("The boot loader is not in memory: has the firmware started it?")

    def beside_hypervisor(self):
        for file in gdb.objfiles():
            if file.filename.endswith("/pinwheel.elf"):
                return file.filename[: -len("pinwheel.elf")] + "boot/boot.so"
        raise gdb.GdbError("Give the path of boot.so.")


Loader()
