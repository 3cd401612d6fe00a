; The first instructions of another CPU: see trampoline.h.
; A start-up IPI starts the CPU in real mode at the beginning of a page below 1 MiB, to which the bytes
; from trampoline_begin to trampoline_end have been copied. The code switches to 64-bit mode and jumps
; to the function in struct trampoline_arguments, which is its last part.
; SDM Vol. 3A, "Typical AP Initialization Sequence" and "Initializing IA-32e Mode".

section .rodata
global trampoline_begin, trampoline_end, trampoline_arguments
align 16

%define OFFSET(label) ((label) - trampoline_begin)

trampoline_begin:
bits 16
    cli
    cld
    mov ax, cs
    mov ds, ax
    ; EBX = the physical address of the page
    xor ebx, ebx
    mov bx, ax
    shl ebx, 4
    ; make the pointers absolute
    lea eax, [ebx + OFFSET(gdt)]
    mov [OFFSET(gdt_register) + 2], eax
    lea eax, [ebx + OFFSET(protected_mode)]
    mov [OFFSET(far_protected)], eax
    lea eax, [ebx + OFFSET(long_mode)]
    mov [OFFSET(far_long)], eax
    o32 lgdt [OFFSET(gdt_register)]
    mov eax, 0x11                ; PE, ET; caches on
    mov cr0, eax
    o32 jmp far [OFFSET(far_protected)]

bits 32
protected_mode:
    mov eax, 0x10
    mov ds, eax
    mov ss, eax
    mov es, eax
    mov eax, [ebx + OFFSET(argument_cr4)]
    mov cr4, eax
    mov eax, [ebx + OFFSET(argument_cr3)]
    mov cr3, eax
    mov ecx, 0xc0000080          ; IA32_EFER: LME and NXE
    rdmsr
    or eax, 0x900
    wrmsr
    mov eax, 0x80010033          ; PG, WP, NE, ET, MP, PE
    mov cr0, eax
    jmp far [ebx + OFFSET(far_long)]

bits 64
long_mode:
    mov ebx, ebx
    mov rsp, [rbx + OFFSET(argument_stack)]
    mov rdi, [rbx + OFFSET(argument_cpu)]
    mov rax, [rbx + OFFSET(argument_entry)]
    xor ebp, ebp
    push rbp                     ; no return address: backtraces end here
    jmp rax

align 8
gdt:
    dq 0
    dq 0x00cf9b000000ffff        ; 08: 32-bit code
    dq 0x00cf93000000ffff        ; 10: data
    dq 0x00af9b000000ffff        ; 18: 64-bit code
gdt_register:
    dw $ - gdt - 1
    dd 0
align 8
far_protected:
    dd 0
    dw 0x08
align 8
far_long:
    dd 0
    dw 0x18
align 8
trampoline_arguments:
argument_cr3:   dd 0
argument_cr4:   dd 0
argument_stack: dq 0
argument_cpu:   dq 0
argument_entry: dq 0
trampoline_end:

section .note.GNU-stack noalloc noexec nowrite progbits
