; The first instructions of every vCPU but the first: a SIPI starts it in real mode, at a page below
; 1 MiB.
;
; cpus_start() copies this code to TRAMPOLINE (cpus.h) and broadcasts INIT and SIPI. The code enters
; 32-bit protected mode; start.asm does the rest. The base of CS is the page, so data in the page is
; addressed through CS and the code does not depend on the page's address.
; SDM Vol. 3A, "MP Initialization Example".

%define CR0_PE 1
%define CODE32 0x08

extern start_cpu32
extern start_gdt
global trampoline, trampoline_end

section .rodata
bits 16
trampoline:
    cli
    o32 lgdt [cs:gdt_pointer - trampoline]
    mov eax, cr0
    or al, CR0_PE
    mov cr0, eax
    xor esi, esi                        ; for start_cpu32: not the first vCPU
    jmp dword CODE32:start_cpu32
align 4
gdt_pointer:
    dw 4 * 8 - 1
    dd start_gdt
trampoline_end:
