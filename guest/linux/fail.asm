; fail: ends the guest with exit code 1, by Pinwheel's exit port. On another machine nothing happens.
; A Linux program without a C library.
bits 64
global _start

%define SYS_EXIT   60
%define SYS_IOPL   172
%define EXIT_PORT  0xf4

section .text
_start:
    mov     edi, 3                  ; I/O privilege level 3 allows port accesses
    mov     eax, SYS_IOPL
    syscall
    test    eax, eax
    jnz     .exit
    mov     eax, 1
    out     EXIT_PORT, eax
.exit:
    mov     edi, 1
    mov     eax, SYS_EXIT
    syscall
