/* One inline function for each privileged or special instruction that the hypervisor uses.
 *
 * They do what the instruction does and nothing else; those that can fault say so. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

static inline uint8_t in8(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint16_t in16(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

/* #GP if the MSR does not exist. */
static inline uint64_t rdmsr(uint32_t msr) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

struct cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf) {
    struct cpuid_result r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t rdtsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* #UD where CPUID does not say that it exists; false: no value just now. */
static inline bool rdrand(uint64_t *value) {
    bool valid;
    __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(valid));
    return valid;
}

/* read_cr0(), write_cr0() and so on. A control register: #GP on a value that it cannot have. */
#define REGISTER(name)                                                                             \
    static inline uint64_t read_##name(void) {                                                     \
        uint64_t value;                                                                            \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value));                                     \
        return value;                                                                              \
    }                                                                                              \
    static inline void write_##name(uint64_t value) {                                              \
        __asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory");                            \
    }
REGISTER(cr0)
REGISTER(cr2)
REGISTER(cr3)
REGISTER(cr4)
REGISTER(dr0)
REGISTER(dr1)
REGISTER(dr2)
REGISTER(dr3)
REGISTER(dr6)
#undef REGISTER

/* #GP on a value that the processor does not support. */
static inline void xsetbv(uint32_t index, uint64_t value) {
    __asm__ volatile("xsetbv" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline void interrupts_off(void) {
    __asm__ volatile("cli" : : : "memory");
}

static inline void halt(void) {
    __asm__ volatile("hlt" : : : "memory");
}

static inline void cpu_pause(void) {
    __asm__ volatile("pause");
}

/* Stores to write-combining memory leave the processor. */
static inline void store_fence(void) {
    __asm__ volatile("sfence" : : : "memory");
}

static inline void wbinvd(void) {
    __asm__ volatile("wbinvd" : : : "memory");
}
