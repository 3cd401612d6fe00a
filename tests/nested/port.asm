; port: copies standard input to port E9H, Bochs' debug port, with "| " before each line; with an argument
; without it. A Linux program without a C library. The lines of a nested machine so never look like the
; lines that tools/run waits for.
bits 64
global _start

%define SYS_READ  0
%define SYS_WRITE 1
%define SYS_EXIT  60
%define SYS_IOPL  172
%define DEBUG     0xe9

section .bss
buffer: resb 4096

section .text
_start:
    mov     r12, [rsp]              ; the number of words of the command
    mov     r13b, 10                ; the last byte that was sent
    mov     edi, 3
    mov     eax, SYS_IOPL
    syscall
    mov     edx, DEBUG
.read:
    xor     edi, edi
    mov     rsi, buffer
    mov     edx, 4096
    mov     eax, SYS_READ
    syscall
    test    rax, rax
    jle     .end
    mov     rbx, rax
    mov     edx, DEBUG
.byte:
    cmp     r12, 1
    jne     .plain
    cmp     r13b, 10
    jne     .plain
    mov     al, '|'
    out     dx, al
    mov     al, ' '
    out     dx, al
.plain:
    lodsb
    mov     r13b, al
    out     dx, al
    dec     rbx
    jnz     .byte
    jmp     .read
.end:
    xor     edi, edi
    mov     eax, SYS_EXIT
    syscall
