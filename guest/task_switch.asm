; A kernel that switches tasks by hardware, which exists in 32-bit code alone: it loads the task
; register and jumps to another TSS. The hypervisor ends the guest there, with a reason in words
; (docs/kernels.md). If the new task runs, or the instruction is skipped, the guest ends with an exit
; code instead. SDM Vol. 3A, "Task Switching". A flat file with an ELF header of its own. Expected:
; tests/emulator/hostile.expect.
bits 32

%define LOADED      0x100000
%define EXIT_PORT   0xf4
%define TSS_SIZE    104
%define MEMORY_INFO 0x2

%define CODE        0x08
%define DATA        0x10
%define TSS_BEFORE  0x18
%define TSS_AFTER   0x20

org LOADED

elf:
    db 0x7f, "ELF", 1, 1, 1
    times 9 db 0
    dw 2, 3                             ; executable, 80386
    dd 1, start, program - elf, 0, 0
    dw program - elf, 32, 1, 0, 0, 0
program:
    dd 1, 0, elf, elf, end - elf, end - elf, 7, 4096

align 4
multiboot:
    dd 0x1badb002, MEMORY_INFO, -(0x1badb002 + MEMORY_INFO)

start:
    lgdt [gdt_pointer]
    jmp CODE:.loaded
.loaded:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esp, stack
    mov eax, tss_before
    mov edi, gdt + TSS_BEFORE
    call set_base
    mov eax, tss_after
    mov edi, gdt + TSS_AFTER
    call set_base
    mov eax, TSS_BEFORE
    ltr ax
    jmp TSS_AFTER:0
    mov eax, 2                          ; it was skipped
    jmp exit

other_task:
    mov eax, 1
exit:
    out EXIT_PORT, eax
.halt:
    cli
    hlt
    jmp .halt

; Writes the base address EAX to the descriptor at EDI.
set_base:
    mov [edi + 2], ax
    shr eax, 16
    mov [edi + 4], al
    mov [edi + 7], ah
    ret

align 8
gdt:
    dq 0
    dq 0x00cf9b000000ffff               ; code
    dq 0x00cf93000000ffff               ; data
    dq 0x0000890000000000 | (TSS_SIZE - 1)
    dq 0x0000890000000000 | (TSS_SIZE - 1)
gdt_pointer:
    dw gdt_pointer - gdt - 1
    dd gdt

align 4
tss_before:
    times TSS_SIZE db 0
tss_after:
    times 8 dd 0                        ; link, stacks of the other levels, CR3
    dd other_task, 2                    ; EIP, EFLAGS
    times 4 dd 0
    dd stack, 0, 0, 0                   ; ESP, EBP, ESI, EDI
    dd DATA, CODE, DATA, DATA, DATA, DATA
    dd 0, TSS_SIZE << 16                ; LDT, no I/O bitmap

    times 256 db 0
stack:
end:
