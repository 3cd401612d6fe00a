/* Redirects the privileged instructions to the machine of machine.h.
 *
 * The build includes this header before everything else (-include) in each file that runs on that
 * machine: the rooms under test as well as the tests. It reads the production headers first, so all
 * types and constants are theirs; then it renames each function that executes a privileged or VMX
 * instruction. The production code needs no #ifdef, and a fuzzer links the same objects. */
#pragma once
#include "arch/cpu.h"
#include "arch/instructions.h"
#include "arch/vmx/vmx.h"

/* arch/cpu.h */
#define this_cpu machine_this_cpu

/* arch/instructions.h */
#define rdmsr             machine_rdmsr
#define wrmsr             machine_wrmsr
#define cpuid             machine_cpuid
#define rdtsc             machine_rdtsc
#define rdrand            machine_rdrand
#define read_cr0          machine_read_cr0
#define read_cr2          machine_read_cr2
#define read_cr4          machine_read_cr4
#define read_dr0          machine_read_dr0
#define read_dr1          machine_read_dr1
#define read_dr2          machine_read_dr2
#define read_dr3          machine_read_dr3
#define read_dr6          machine_read_dr6
#define write_cr2         machine_write_cr2
#define write_dr0         machine_write_dr0
#define write_dr1         machine_write_dr1
#define write_dr2         machine_write_dr2
#define write_dr3         machine_write_dr3
#define write_dr6         machine_write_dr6
#define xsetbv            machine_xsetbv
#define xsave             machine_xsave
#define xrstor            machine_xrstor
#define interrupts_accept machine_interrupts_accept
#define cpu_pause         machine_cpu_pause

/* arch/vmx/vmx.h */
#define vmcs_write machine_vmcs_write
#define vmcs_read  machine_vmcs_read
#define vmcs_clear machine_vmcs_clear
#define vmcs_load  machine_vmcs_load
#define invept     machine_invept
#define invvpid    machine_invvpid

struct cpu *machine_this_cpu(void);

uint64_t machine_rdmsr(uint32_t msr);
void machine_wrmsr(uint32_t msr, uint64_t value);
struct cpuid_result machine_cpuid(uint32_t leaf, uint32_t subleaf);
uint64_t machine_rdtsc(void);
bool machine_rdrand(uint64_t *value);
uint64_t machine_read_cr0(void);
uint64_t machine_read_cr2(void);
uint64_t machine_read_cr4(void);
uint64_t machine_read_dr0(void);
uint64_t machine_read_dr1(void);
uint64_t machine_read_dr2(void);
uint64_t machine_read_dr3(void);
uint64_t machine_read_dr6(void);
void machine_write_cr2(uint64_t value);
void machine_write_dr0(uint64_t value);
void machine_write_dr1(uint64_t value);
void machine_write_dr2(uint64_t value);
void machine_write_dr3(uint64_t value);
void machine_write_dr6(uint64_t value);
void machine_xsetbv(uint32_t index, uint64_t value);
void machine_xsave(uint8_t *area);
void machine_xrstor(const uint8_t *area);
void machine_interrupts_accept(void);
void machine_cpu_pause(void);

void machine_vmcs_write(uint64_t field, uint64_t value);
uint64_t machine_vmcs_read(uint64_t field);
void machine_vmcs_clear(uint64_t physical);
void machine_vmcs_load(uint64_t physical);
void machine_invept(uint64_t type, uint64_t ept_pointer);
void machine_invvpid(uint64_t type, uint16_t vpid);
