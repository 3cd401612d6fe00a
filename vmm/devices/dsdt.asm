; The DSDT, which iasl compiles from vmm/devices/dsdt.asl.

section .rodata
global dsdt, dsdt_end
dsdt:
    incbin "dsdt.aml"
dsdt_end:
