; tsc: prints the processor's time-stamp counter in decimal. A Linux program without a C library. In an
; emulator whose TSC counts instructions this is the number of instructions since the start.
bits 64
global _start

%define SYS_WRITE 1
%define SYS_EXIT  60

section .text
_start:
    rdtsc
    shl     rdx, 32
    or      rax, rdx
    lea     rsi, [rsp - 1]          ; writes the digits backwards, into the red zone
    mov     byte [rsi], 10
    mov     ecx, 10
.digit:
    xor     edx, edx
    div     rcx
    add     dl, '0'
    dec     rsi
    mov     [rsi], dl
    test    rax, rax
    jnz     .digit
    mov     rdx, rsp
    sub     rdx, rsi
    mov     edi, 1
    mov     eax, SYS_WRITE
    syscall
    xor     edi, edi
    mov     eax, SYS_EXIT
    syscall
