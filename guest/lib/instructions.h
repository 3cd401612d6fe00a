/* Instructions that C cannot express, one inline function each.
 *
 * All are volatile, and those that order memory also clobber it for the compiler. On Pinwheel every
 * port access causes a VM exit, an MSR access does if its bit in the MSR bitmap is set. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/control_registers.h"

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline void outb(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t value) {
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint16_t inw(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t inl(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint64_t rdmsr(uint32_t msr) {
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr" ::"a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(msr)
                     : "memory");
}

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf) {
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t rdtsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t read_cr0(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr0, %0" : "=r"(value)::"memory");
    return value;
}

static inline void write_cr0(uint64_t value) {
    __asm__ volatile("mov %0, %%cr0" ::"r"(value) : "memory");
}

static inline uint64_t read_cr4(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr4, %0" : "=r"(value)::"memory");
    return value;
}

static inline void write_cr4(uint64_t value) {
    __asm__ volatile("mov %0, %%cr4" ::"r"(value) : "memory");
}

static inline uint64_t read_cr2(void) {
    uint64_t value;
    __asm__ volatile("mov %%cr2, %0" : "=r"(value)::"memory");
    return value;
}

static inline void write_cr8(uint64_t value) {
    __asm__ volatile("mov %0, %%cr8" ::"r"(value) : "memory");
}

static inline uint64_t read_rflags(void) {
    uint64_t value;
    __asm__ volatile("pushfq\n\tpopq %0" : "=r"(value)::"memory");
    return value;
}

static inline void pause_only(void) {
    __asm__ volatile("pause" ::: "memory");
}

/* In a loop that waits for another vCPU. Where IF is 0 it stays 0, but is written: in Bochs, a
 * guest that was entered with IF = 0 is not interrupted by the machine's timer until an instruction
 * writes IF. Under KVM in Bochs that timer is what ends the vCPU's turn.
 *
 * Nothing else may write IF where it is 0: when the machine's timer does interrupt a guest with
 * IF = 0, Bochs delivers a virtual interrupt that is pending, in spite of IF = 0. A test that lets
 * interrupts wait while it calls pause() needs the words pause=exit in its command line: then the
 * loop executes CPUID, which lets KVM run, and does not write IF. */
extern bool pause_exits; /* start.c sets it */
static inline void pause(void) {
    if (!(read_rflags() & RFLAGS_IF)) {
        if (pause_exits)
            cpuid(0, 0);
        else
            __asm__ volatile("cli" ::: "memory");
    }
    pause_only();
}

static inline void interrupts_on(void) {
    __asm__ volatile("sti" ::: "memory");
}

static inline void interrupts_off(void) {
    __asm__ volatile("cli" ::: "memory");
}

/* Enables interrupts and halts until one arrives. A pending interrupt is not delivered between the
 * two instructions: STI blocks interrupts for one instruction. */
static inline void interrupts_on_and_halt(void) {
    __asm__ volatile("sti\n\thlt" ::: "memory");
}

static inline void wbinvd(void) {
    __asm__ volatile("wbinvd" ::: "memory");
}

/* Pinwheel's hypercalls: number in RAX, result in RAX. */
#define HYPERCALL_NOTHING   0     /* returns 0 */
#define HYPERCALL_EOI_EXITS 0x100 /* how many EOIs of this vCPU were of the EOI-exit set */
#define HYPERCALL_EXITS     0x101 /* exits of this vCPU, without those by time or other CPUs */
#define HYPERCALL_ALL_EXITS 0x102 /* all exits of this vCPU */
#define HYPERCALL_UNKNOWN   UINT64_MAX

static inline uint64_t vmcall(uint64_t number) {
    uint64_t result;
    __asm__ volatile("vmcall" : "=a"(result) : "a"(number) : "memory");
    return result;
}

/* Disables interrupts, without writing IF if it is 0, for the reason that pause() gives; returns
 * the value for interrupts_restore(). */
static inline uint64_t interrupts_save(void) {
    uint64_t flags = read_rflags();
    if (flags & RFLAGS_IF)
        interrupts_off();
    return flags;
}

static inline void interrupts_restore(uint64_t flags) {
    if (flags & RFLAGS_IF)
        interrupts_on();
}

_Noreturn static inline void halt_forever(void) {
    for (;;)
        __asm__ volatile("cli\n\thlt" ::: "memory");
}
