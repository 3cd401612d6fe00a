/* Instructions on memory as an assembler (NASM) encodes them, and the result of decoding: mode,
 * bytes, kind, size of the access, and the members that are not 0 or false. A register size of 0
 * stands for the size of the access. */
#pragma once
#include "vmm/emulate/mmio_decode.h"

#define LOAD  false
#define STORE true
#define CASE_OF(text, mode, bytes, ...)                                                            \
    {                                                                                              \
        text, MMIO_MODE_##mode, bytes, sizeof(bytes) - 1, {                                        \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define CASE(text, mode, bytes, what, access, ...)                                                 \
    CASE_OF(text, mode, bytes, .operation = MMIO_MOVE, .store = what, .size = access, __VA_ARGS__)

/* Operations on memory and a register or an immediate, with the result in memory, in a register or
 * nowhere. */
#define MEMORY   .store = true
#define REGISTER .to_register = true
#define NOWHERE  .store = false
#define OP(text, mode, bytes, what, access, where, ...)                                            \
    CASE_OF(text, mode, bytes, .operation = MMIO_##what, .size = access, where, __VA_ARGS__)
#define IMMEDIATE(value) .has_immediate = true, .immediate = (uint64_t)(value)
#define STRING(text, mode, bytes, what, access, ...)                                               \
    CASE_OF(text, mode, bytes, .operation = MMIO_MOVE, .string = MMIO_##what,                      \
            .store = MMIO_##what == MMIO_STOS, .size = access, __VA_ARGS__)

static const struct mmio_case {
    const char *text;
    enum mmio_mode mode;
    const char *bytes;
    unsigned length;
    struct mmio_instruction expected;
} mmio_cases[] = {
    CASE("mov eax, [rbx]", 64, "\x8b\x03", LOAD, 4, .reg = 0),
    CASE("mov [rbx], eax", 64, "\x89\x03", STORE, 4, .reg = 0),
    CASE("mov r9d, [rbx+8]", 64, "\x44\x8b\x4b\x08", LOAD, 4, .reg = 9),
    CASE("mov [r8+r9*4+0x12345678], r10", 64, "\x4f\x89\x94\x88\x78\x56\x34\x12", STORE, 8,
         .reg = 10),
    CASE("mov rsp, [rsp+0x80]", 64, "\x48\x8b\xa4\x24\x80\x00\x00\x00", LOAD, 8, .reg = 4),
    CASE("mov cx, [rbp+0]", 64, "\x66\x8b\x4d\x00", LOAD, 2, .reg = 1),
    CASE("mov ah, [rdx]", 64, "\x8a\x22", LOAD, 1, .reg = 0, .high_byte = true),
    CASE("mov [rdx], bh", 64, "\x88\x3a", STORE, 1, .reg = 3, .high_byte = true),
    CASE("mov sil, [rdx]", 64, "\x40\x8a\x32", LOAD, 1, .reg = 6),
    CASE("mov [rel $+0x1000], edx", 64, "\x89\x15\xfa\x0f\x00\x00", STORE, 4, .reg = 2),
    CASE("mov edx, [abs 0x1000]", 64, "\x8b\x14\x25\x00\x10\x00\x00", LOAD, 4, .reg = 2),
    CASE("mov edx, [ebx+esi*2]", 64, "\x67\x8b\x14\x73", LOAD, 4, .reg = 2),
    CASE("mov eax, [gs:r13]", 64, "\x65\x41\x8b\x45\x00", LOAD, 4, .reg = 0),
    CASE("mov dword [rbx], 0x80000001", 64, "\xc7\x03\x01\x00\x00\x80", STORE, 4,
         .has_immediate = true, .immediate = 0xffffffff80000001),
    CASE("mov qword [rbx+rax], -2", 64, "\x48\xc7\x04\x03\xfe\xff\xff\xff", STORE, 8,
         .has_immediate = true, .immediate = 0xfffffffffffffffe),
    CASE("mov word [rbx], 0x1234", 64, "\x66\xc7\x03\x34\x12", STORE, 2, .has_immediate = true,
         .immediate = 0x1234),
    CASE("mov byte [rbx], 0x85", 64, "\xc6\x03\x85", STORE, 1, .has_immediate = true,
         .immediate = 0xffffffffffffff85),
    CASE("mov eax, [qword 0x1122334455667788]", 64, "\xa1\x88\x77\x66\x55\x44\x33\x22\x11", LOAD, 4,
         .reg = 0),
    CASE("a32 mov eax, [dword 0x11223344]", 64, "\x67\xa1\x44\x33\x22\x11", LOAD, 4, .reg = 0),
    CASE("mov [qword 0xfee000b0], rax", 64, "\x48\xa3\xb0\x00\xe0\xfe\x00\x00\x00\x00", STORE, 8,
         .reg = 0),
    CASE("mov eax, [0xfee000b0]", 32, "\xa1\xb0\x00\xe0\xfe", LOAD, 4, .reg = 0),
    CASE("mov [0xfee000b0], al", 32, "\xa2\xb0\x00\xe0\xfe", STORE, 1, .reg = 0),
    CASE("mov [0xfee000b0], ebx", 32, "\x89\x1d\xb0\x00\xe0\xfe", STORE, 4, .reg = 3),
    CASE("mov dword [0xfee000b0], 0", 32, "\xc7\x05\xb0\x00\xe0\xfe\x00\x00\x00\x00", STORE, 4,
         .has_immediate = true, .immediate = 0x0),
    CASE("mov ax, [0xfee000b0]", 32, "\x66\xa1\xb0\x00\xe0\xfe", LOAD, 2, .reg = 0),
    CASE("mov ebx, [bx+si+0x10]", 32, "\x67\x8b\x58\x10", LOAD, 4, .reg = 3),
    CASE("mov edi, [esp]", 32, "\x8b\x3c\x24", LOAD, 4, .reg = 7),
    CASE("mov edi, [ebp*8+0x1000]", 32, "\x8b\x3c\xed\x00\x10\x00\x00", LOAD, 4, .reg = 7),
    CASE("mov ax, [bx+di]", 16, "\x8b\x01", LOAD, 2, .reg = 0),
    CASE("mov eax, [bp]", 16, "\x66\x8b\x46\x00", LOAD, 4, .reg = 0),
    CASE("mov [0x1234], dx", 16, "\x89\x16\x34\x12", STORE, 2, .reg = 2),
    CASE("mov [bp+0x1234], dl", 16, "\x88\x96\x34\x12", STORE, 1, .reg = 2),
    CASE("mov eax, [eax+esi*4+0x20]", 16, "\x66\x67\x8b\x44\xb0\x20", LOAD, 4, .reg = 0),
    CASE("mov al, [0x1234]", 16, "\xa0\x34\x12", LOAD, 1, .reg = 0),
    CASE("mov word [si], 0x8000", 16, "\xc7\x04\x00\x80", STORE, 2, .has_immediate = true,
         .immediate = 0xffffffffffff8000),
    CASE("movzx eax, byte [rbx]", 64, "\x0f\xb6\x03", LOAD, 1, .reg = 0, .register_size = 4),
    CASE("movzx r8, word [rbx]", 64, "\x4c\x0f\xb7\x03", LOAD, 2, .reg = 8, .register_size = 8),
    CASE("movzx esp, byte [rbx]", 64, "\x0f\xb6\x23", LOAD, 1, .reg = 4, .register_size = 4),
    CASE("movsx ecx, word [rbx]", 64, "\x0f\xbf\x0b", LOAD, 2, .reg = 1, .register_size = 4,
         .sign_extend = true),
    CASE("movsx rcx, byte [rbx]", 64, "\x48\x0f\xbe\x0b", LOAD, 1, .reg = 1, .register_size = 8,
         .sign_extend = true),
    CASE("movsxd rdx, dword [rbx]", 64, "\x48\x63\x13", LOAD, 4, .reg = 2, .register_size = 8,
         .sign_extend = true),
    CASE("movzx ax, byte [ebx]", 32, "\x66\x0f\xb6\x03", LOAD, 1, .reg = 0, .register_size = 2),
    OP("add [rbx], al", 64, "\x00\x03", ADD, 1, MEMORY, .reg = 0),
    OP("or [rbx], ecx", 64, "\x09\x0b", OR, 4, MEMORY, .reg = 1),
    OP("lock or [rbx], ecx", 64, "\xf0\x09\x0b", OR, 4, MEMORY, .reg = 1),
    OP("adc dl, [rbx]", 64, "\x12\x13", ADC, 1, REGISTER, .reg = 2),
    OP("sbb r9, [rbx+8]", 64, "\x4c\x1b\x4b\x08", SBB, 8, REGISTER, .reg = 9),
    OP("and [0x1234], dx", 16, "\x21\x16\x34\x12", AND, 2, MEMORY, .reg = 2),
    OP("sub [0xfee000b0], ch", 32, "\x28\x2d\xb0\x00\xe0\xfe", SUB, 1, MEMORY, .reg = 1,
       .high_byte = true),
    OP("xor eax, [rbx]", 64, "\x33\x03", XOR, 4, REGISTER, .reg = 0),
    OP("cmp [rbx], eax", 64, "\x39\x03", CMP, 4, NOWHERE, .reg = 0),
    OP("cmp eax, [rbx]", 64, "\x3b\x03", CMP, 4, REGISTER, .reg = 0),
    OP("or byte [rbx], 0x80", 64, "\x80\x0b\x80", OR, 1, MEMORY, IMMEDIATE(-0x80)),
    OP("or dword [rbx], 1", 64, "\x83\x0b\x01", OR, 4, MEMORY, IMMEDIATE(1)),
    OP("lock and dword [rbx], -2", 64, "\xf0\x83\x23\xfe", AND, 4, MEMORY, IMMEDIATE(-2)),
    OP("and dword [rbx], 0x7fffffff", 64, "\x81\x23\xff\xff\xff\x7f", AND, 4, MEMORY,
       IMMEDIATE(0x7fffffff)),
    OP("add qword [rbx], 0x80000000", 64, "\x48\x81\x03\x00\x00\x00\x80", ADD, 8, MEMORY,
       IMMEDIATE(-0x80000000LL)),
    OP("xor word [si], 0x1234", 16, "\x81\x34\x34\x12", XOR, 2, MEMORY, IMMEDIATE(0x1234)),
    OP("cmp dword [rbx], 0", 64, "\x83\x3b\x00", CMP, 4, NOWHERE, IMMEDIATE(0)),
    OP("test [rbx], eax", 64, "\x85\x03", TEST, 4, NOWHERE, .reg = 0),
    OP("test [rbx], r8b", 64, "\x44\x84\x03", TEST, 1, NOWHERE, .reg = 8),
    OP("test byte [rbx], 0x80", 64, "\xf6\x03\x80", TEST, 1, NOWHERE, IMMEDIATE(-0x80)),
    OP("test dword [rbx], 0x1000", 64, "\xf7\x03\x00\x10\x00\x00", TEST, 4, NOWHERE,
       IMMEDIATE(0x1000)),
    OP("not dword [rbx]", 64, "\xf7\x13", NOT, 4, MEMORY, .reg = 0),
    OP("neg byte [rbx]", 64, "\xf6\x1b", NEG, 1, MEMORY, .reg = 0),
    OP("inc dword [rbx]", 64, "\xff\x03", INC, 4, MEMORY, .reg = 0),
    OP("dec qword [r11]", 64, "\x49\xff\x0b", DEC, 8, MEMORY, .reg = 0),
    OP("xchg [rbx], eax", 64, "\x87\x03", XCHG, 4, MEMORY, REGISTER, .reg = 0),
    OP("lock xchg [rbx], ah", 64, "\xf0\x86\x23", XCHG, 1, MEMORY, REGISTER, .reg = 0,
       .high_byte = true),
    STRING("stosd", 64, "\xab", STOS, 4, .segment = 3, .address_size = 8),
    STRING("rep stosb", 64, "\xf3\xaa", STOS, 1, .segment = 3, .address_size = 8, .repeat = true),
    STRING("rep a32 stosq", 64, "\xf3\x67\x48\xab", STOS, 8, .segment = 3, .address_size = 4,
           .repeat = true),
    STRING("movsd", 64, "\xa5", MOVS, 4, .segment = 3, .address_size = 8),
    STRING("rep movsb [es:edi], [fs:esi]", 32, "\xf3\x64\xa4", MOVS, 1, .segment = 4,
           .address_size = 4, .repeat = true),
    STRING("movsw [es:di], [ss:si]", 16, "\x36\xa5", MOVS, 2, .segment = 2, .address_size = 2),
    STRING("es movsd", 64, "\x26\xa5", MOVS, 4, .segment = 3, .address_size = 8),
};
