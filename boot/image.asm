; The hypervisor's ELF file as a part of BOOTX64.EFI, so that a user copies a single file. See image.c.

section .rodata align=16
global hypervisor_image:data hidden
global hypervisor_image_end:data hidden
hypervisor_image:
    incbin "pinwheel.stripped.elf"
hypervisor_image_end:

section .note.GNU-stack noalloc noexec nowrite progbits
