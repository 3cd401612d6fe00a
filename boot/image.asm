; The hypervisor's ELF file, inside BOOTX64.EFI: one file to copy.

section .rodata align=16
global hypervisor_image:data hidden
global hypervisor_image_end:data hidden
hypervisor_image:
    incbin "pinwheel.stripped.elf"
hypervisor_image_end:

section .note.GNU-stack noalloc noexec nowrite progbits
