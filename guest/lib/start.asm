; The first instructions of every guest.
;
; The hypervisor enters a Multiboot image in 32-bit protected mode with EAX = 0x2BADB002 and EBX =
; the information structure (Multiboot 0.6.96, "Machine state"). The other vCPUs come from
; trampoline.asm, also in 32-bit protected mode. From here all vCPUs take the same path to 64-bit
; mode: page tables, EFER.LME, CR0.PG (SDM Vol. 3A, "Initializing IA-32e Mode"), then a stack of
; their own, selected by the APIC ID, and C. The page tables are static data: they map the first
; 4 GiB one to one in 2 MiB pages; the two pages of the I/O APIC and the local APIC are uncached.
; Read next: start.c.

%define MULTIBOOT_MAGIC 0x1badb002
%define MULTIBOOT_FLAGS 0x00000002      ; the loader must provide memory information

%define CR0_PE     (1 << 0)
%define CR0_ET     (1 << 4)
%define CR0_NE     (1 << 5)
%define CR0_WP     (1 << 16)
%define CR0_PG     (1 << 31)
%define CR4_PAE    (1 << 5)
%define IA32_EFER  0xc0000080
%define EFER_LME   (1 << 8)

%define CODE32     0x08
%define DATA       0x10
%define CODE64     0x18

%define PAGE_TABLE    0x03              ; present, writable
%define PAGE_CACHED   0x83              ; present, writable, 2 MiB
%define PAGE_UNCACHED 0x9b              ; the same with PWT and PCD
%define IOAPIC_PAGE   (0xfec00000 >> 21)
%define APIC_PAGE     (0xfee00000 >> 21)

extern start_first, start_other         ; start.c
extern look_first, look_each            ; start_loaded and start_no_look, or a guest's own: guest.ld
extern cpu_stacks, cpu_stack_size, cpu_max ; cpus.c
global guest_entry, start_cpu32, start_gdt
global start_loaded, start_no_look

section .multiboot
align 4
    dd MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

section .text
bits 32
guest_entry:
    jmp look_first                      ; which continues here
start_loaded:
    cli
    cld
    mov edi, ebx                        ; the first argument of start_first()
    mov esi, eax                        ; the second
    lgdt [gdt_pointer]
    jmp CODE32:start_cpu32

; ESI is the Multiboot magic number on the first vCPU, and 0 on the others.
start_cpu32:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov eax, CR4_PAE
    mov cr4, eax
    mov eax, page_map
    mov cr3, eax
    mov ecx, IA32_EFER
    rdmsr
    or eax, EFER_LME
    wrmsr
    mov eax, CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_PE ; CD and NW are clear: INIT sets them
    mov cr0, eax
    jmp CODE64:start_cpu64

bits 64
start_cpu64:
    mov eax, 1
    cpuid
    shr ebx, 24                         ; initial APIC ID
    cmp ebx, [cpu_max]
    jae stop                            ; more vCPUs than there are stacks
    inc ebx
    imul ebx, [cpu_stack_size]
    lea rsp, [cpu_stacks + rbx]
    call look_each
    xor ebp, ebp
    mov edi, edi
    test esi, esi
    jz .other
    call start_first
    jmp stop
.other:
    call start_other
start_no_look:
    ret
stop:
    cli
    hlt
    jmp stop

section .rodata
align 8
start_gdt:
    dq 0
    dq 0x00cf9b000000ffff               ; 32-bit code
    dq 0x00cf93000000ffff               ; data
    dq 0x00af9b000000ffff               ; 64-bit code
gdt_pointer:
    dw 4 * 8 - 1
    dd start_gdt

section .data
align 4096
page_map:
    dq page_directory_pointers + PAGE_TABLE
    times 511 dq 0
page_directory_pointers:
%assign i 0
%rep 4
    dq page_directories + 4096 * i + PAGE_TABLE
%assign i i + 1
%endrep
    times 508 dq 0
page_directories:
%assign i 0
%rep 2048
%if i == IOAPIC_PAGE || i == APIC_PAGE
    dq (i << 21) | PAGE_UNCACHED
%else
    dq (i << 21) | PAGE_CACHED
%endif
%assign i i + 1
%endrep
