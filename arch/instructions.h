/* One inline function for each privileged or special instruction that the hypervisor uses.
 *
 * A function executes its instruction and nothing else. Where the instruction can fault for a
 * reason other than privilege, the comment says when. SDM Vol. 2, under the instruction's name.
 * Read next: arch/cpuid.h, arch/vmx/vmx.h for the instructions of VMX. */
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

static inline uint32_t in32(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* A register of a device in memory, of 1, 2 or 4 bytes: one access of exactly that size. */
static inline uint32_t mmio_read(const void *address, unsigned size) {
    if (size == 4)
        return *(const volatile uint32_t *)address;
    if (size == 2)
        return *(const volatile uint16_t *)address;
    return *(const volatile uint8_t *)address;
}

static inline void mmio_write(void *address, unsigned size, uint32_t value) {
    if (size == 4)
        *(volatile uint32_t *)address = value;
    else if (size == 2)
        *(volatile uint16_t *)address = (uint16_t)value;
    else
        *(volatile uint8_t *)address = (uint8_t)value;
}

static inline void out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t value) {
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

/* #GP if the processor does not have the MSR. */
static inline uint64_t rdmsr(uint32_t msr) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

/* #GP if the processor does not have the MSR, or for a value that the MSR does not accept. */
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

/* #UD unless CPUID_1_ECX_RDRAND. Returns false if no random value was available. */
static inline bool rdrand(uint64_t *value) {
    bool valid;
    __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(valid));
    return valid;
}

/* read_cr0(), write_cr0() and so on. A write raises #GP for an invalid value. */
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

/* #UD unless CR4.OSXSAVE = 1; #GP for a value that the processor does not support. */
static inline void xsetbv(uint32_t index, uint64_t value) {
    __asm__ volatile("xsetbv" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* Save and restore all components of the extended state that XCR0 enables. `area` is 64-byte
 * aligned. #GP if it does not hold what XSAVE has written, or zeros. SDM Vol. 1, "XSAVE Area". */
static inline void xsave(uint8_t *area) {
    __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
}

static inline void xrstor(const uint8_t *area) {
    __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
}

static inline void interrupts_off(void) {
    __asm__ volatile("cli" : : : "memory");
}

/* With interrupts off: accepts one that is pending. STI takes effect after the NOP. */
static inline void interrupts_accept(void) {
    __asm__ volatile("sti; nop; cli" : : : "memory");
}

static inline void halt(void) {
    __asm__ volatile("hlt" : : : "memory");
}

static inline void cpu_pause(void) {
    __asm__ volatile("pause");
}

/* Earlier stores to write-combining memory become visible to devices before later stores. */
static inline void store_fence(void) {
    __asm__ volatile("sfence" : : : "memory");
}

static inline void wbinvd(void) {
    __asm__ volatile("wbinvd" : : : "memory");
}
