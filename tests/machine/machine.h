/* A machine for the tests: what the rooms vmm/pc, vmm/vcpu and vmm/vm find below them, in a program
 * on the host. Unit tests and fuzzers use it.
 *
 *     the room under test -- privileged instructions --> machine.c       (by redirect.h)
 *                         -- VMREAD, VMENTER and so on --> machine_vmx.c
 *                         -- vmm/host, drivers --> machine_host.c
 *
 * It behaves as the SDM says, as far as the rooms under test can tell, and it is strict: what would
 * be #GP, a failed VMX instruction, a deadlock, or a VM entry that the processor refuses, ends the
 * program with a message, because in the hypervisor it is a bug. Everything that matters is
 * recorded in order. While the hypervisor "enters the guest", the test's own function plays the
 * guest; and between any two instructions a test can let another CPU act.
 *
 * It has a folder of its own, because every file in it is compiled with redirect.h, and its objects
 * are linked only with the programs that are. One thread, no hardware. Read next: redirect.h, and
 * turns.h for its use. */
#pragma once
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/vmx/vmx.h"
#include "lib/boot_info.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"

#define MACHINE_CPUS        4
#define MACHINE_HZ          2000000000ULL /* of the TSC */
#define MACHINE_VMCSS       32
#define MACHINE_VMCS_FIELDS 1024
#define MACHINE_LEAVES      48
#define MACHINE_MSRS        40
#define MACHINE_RECORDS     4096
#define MACHINE_TEXT_SIZE   16384

/* ---- what has happened ---- */

enum machine_action {
    MACHINE_VMWRITE,  /* operand: the field */
    MACHINE_VMCLEAR,  /* operand: the physical address */
    MACHINE_VMPTRLD,  /* operand: the physical address */
    MACHINE_INVEPT,   /* operand: the EPT pointer, value: the type */
    MACHINE_INVVPID,  /* operand: the VPID, value: the type */
    MACHINE_ENTER,    /* operand: the preemption timer, value: the injected event */
    MACHINE_WRMSR,    /* operand: the MSR */
    MACHINE_XSETBV,   /* operand: the register */
    MACHINE_CR2,      /* a write */
    MACHINE_NMI,      /* operand: the APIC ID it is sent to */
    MACHINE_FIXED,    /* an interrupt; operand: the APIC ID it is sent to, value: the vector */
    MACHINE_EOI,      /* operand: the vector that is ended */
    MACHINE_WAKE,     /* operand: the CPU */
    MACHINE_ACCEPT,   /* interrupts on and off: a pending one is accepted */
    MACHINE_UNBLOCK,  /* NMIs */
    MACHINE_OTHERS,   /* the other CPUs are stopped */
    MACHINE_VMXOFF,   /* the CPU leaves VMX operation */
    MACHINE_STOPPED,  /* the CPU asks whether another one has panicked */
    MACHINE_IDLE,     /* the CPU waits in HLT */
    MACHINE_TIMER,    /* the LAPIC's timer is started; value: for this TSC */
    MACHINE_NO_TIMER, /* the LAPIC's timer is stopped */
};

struct machine_record {
    enum machine_action action;
    uint64_t operand, value;
};

struct machine_vmcs {
    uint64_t physical; /* 0: not used */
    bool launched;
    int active; /* on this CPU; -1: on none */
    uint64_t field[MACHINE_VMCS_FIELDS];
};

struct machine_leaf {
    uint32_t leaf, subleaf;
    struct cpuid_result result;
};

struct machine {
    /* The processor, which a test may change. There is one set of registers, of the CPU that runs:
     * a test in which guests run on more than one has to call machine_run_on(). */
    uint64_t tsc, tsc_step; /* each RDTSC advances the TSC by the step */
    uint64_t tsc_hz;        /* its frequency, if not MACHINE_HZ */
    uint64_t cr0, cr2, cr4, dr[4], dr6, xcr0;
    uint64_t x87; /* one word of its component of the extended state */
    union {
        uint64_t sse, xmm[16][2];
    };
    union {
        uint64_t avx, ymm[16][2]; /* the upper halves */
    };
    uint32_t mxcsr;
    struct machine_msr {
        uint32_t number;
        uint64_t value;
    } msr[MACHINE_MSRS];
    struct machine_leaf leaf[MACHINE_LEAVES];
    uint64_t random;      /* what RDRAND returns next; 0: it fails */
    uint32_t entry_error; /* not 0: VM entries fail with this VM-instruction error */

    struct machine_vmcs vmcs[MACHINE_VMCSS];
    struct machine_vmcs *current[MACHINE_CPUS];
    struct host_cpu cpu[MACHINE_CPUS];
    unsigned now; /* the CPU that runs */

    /* Plays the guest from an entry to its next exit, which it sets by machine_exit(). */
    void (*guest)(struct vmx_context *context);
    /* Plays the delivery of an injected event, which may exit before anything else does. */
    void (*deliver)(struct vmx_context *context);
    bool exited;
    bool nmi_pending[MACHINE_CPUS]; /* an NMI for a CPU in guest mode: it exits */
    bool in_guest;
    uint8_t interrupt[MACHINE_CPUS];  /* the vector that waits in the local APIC; 0: none */
    uint8_t in_service[MACHINE_CPUS]; /* the vector that a VM exit has acknowledged; 0: none */

    /* What the last CPU does before the hypervisor's instruction with this number, from 0. */
    void (*meanwhile)(void);
    unsigned meanwhile_at, instructions;
    unsigned steps;     /* instructions of the hypervisor, all of them */
    void (*idle)(void); /* what ends a wait in HLT */
    void (*traced)(const struct trace_record *record); /* receives each record of the trace */

    struct machine_record record[MACHINE_RECORDS];
    unsigned records;
    struct machine_text {
        char text[MACHINE_TEXT_SIZE];
        size_t length;
    } console, screen;       /* console: the serial port and, but for guests' lines, the screen */
    uint64_t console_before; /* bytes that were printed before those in `console` */
    uint64_t console_sent;   /* bytes that the port has sent, counted with those */
    unsigned console_steps;  /* how often it was to send some */

    jmp_buf *expected; /* where machine_ends() continues */
    char message[512]; /* of the panic or failure that it expected */
};

extern struct machine machine;

/* ---- the tests' side ---- */

/* A machine after power-on: a Broadwell. Releases all that machine_vm() allocated. */
void machine_reset(void);

/* Starts the hypervisor on this many CPUs; guests can be created. */
void machine_start(unsigned cpus);

/* A guest's configuration to start from: one vCPU, 2 MiB, x2APIC offered. */
struct guest_config machine_guest(void);

/* Creates a VM that runs: vCPU i on CPU i modulo the CPUs. It has no kernel: vCPU 0 waits for a
 * request, and the tests set its registers. */
struct vm *machine_vm(uint32_t index, const struct guest_config *config);

/* The test runs on this CPU from here on, which has the registers that it had when it last ran. */
void machine_run_on(unsigned cpu);

/* Loads a vCPU on its CPU, on which the rest of the test then runs. */
void machine_load(struct vcpu *vcpu);

/* The guest of the current VMCS is in this mode, at RIP 1000H with interrupts on. The paged modes
 * have a page table at MACHINE_TABLES that maps the first 2 MiB at their own addresses, for the
 * user too. */
#define MACHINE_TABLES 0x100000u
void machine_real_mode(void);
void machine_protected_mode(void);
void machine_long_mode(struct vm *vm);

/* A field of the current VMCS as the processor reads and writes it: read-only ones too, not
 * recorded. */
uint64_t machine_get(uint64_t field);
void machine_set(uint64_t field, uint64_t value);

/* Makes the guest exit. The test sets afterwards what this does not set. */
void machine_exit(uint32_t reason, uint64_t qualification, uint64_t length);

/* Where the value of an MSR and the result of a CPUID leaf are, for tests to read and change. */
uint64_t *machine_msr(uint32_t msr);
struct cpuid_result *machine_leaf(uint32_t leaf, uint32_t subleaf);

/* The records: forgets them and the console's text; how many there are of a kind; the position of
 * the first from `from` on, or -1. */
#define MACHINE_ANY UINT64_MAX
void machine_forget(void);
unsigned machine_count(enum machine_action action, uint64_t operand);
int machine_find(enum machine_action action, uint64_t operand, unsigned from);

/* Whether the console's text contains this. */
bool machine_says(const char *text);

/* Whether `run` ends in a panic or a failure of the machine, whose text is in machine.message. */
bool machine_ends(void (*run)(void));

/* ---- between the files of the machine ---- */

/* Before each instruction. */
void machine_step(void);
void machine_record(enum machine_action action, uint64_t operand, uint64_t value);
_Noreturn void machine_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The NMI handler on this CPU, as vmm/main.c has it. */
void machine_nmi(unsigned cpu);
/* An interrupt arrives at this CPU's local APIC; in guest mode it is accepted. */
void machine_interrupt(unsigned cpu, uint8_t vector);
/* Memory with a physical address, and what is there. */
void *machine_memory(uint64_t physical);
void machine_processor_reset(void);
