/* The names of exit reasons and VM-instruction errors: see arch/vmx/exit_reason.h. */
#include "arch/vmx/exit_reason.h"

#include <stddef.h>

static const char *const reason_names[EXIT_REASON_COUNT] = {
    [EXIT_REASON_EXCEPTION_OR_NMI] = "exception or NMI",
    [EXIT_REASON_EXTERNAL_INTERRUPT] = "external interrupt",
    [EXIT_REASON_TRIPLE_FAULT] = "triple fault",
    [EXIT_REASON_INIT] = "INIT signal",
    [EXIT_REASON_SIPI] = "start-up IPI",
    [EXIT_REASON_IO_SMI] = "I/O SMI",
    [EXIT_REASON_SMI] = "SMI",
    [EXIT_REASON_INTERRUPT_WINDOW] = "interrupt window",
    [EXIT_REASON_NMI_WINDOW] = "NMI window",
    [EXIT_REASON_TASK_SWITCH] = "task switch",
    [EXIT_REASON_CPUID] = "CPUID",
    [EXIT_REASON_GETSEC] = "GETSEC",
    [EXIT_REASON_HLT] = "HLT",
    [EXIT_REASON_INVD] = "INVD",
    [EXIT_REASON_INVLPG] = "INVLPG",
    [EXIT_REASON_RDPMC] = "RDPMC",
    [EXIT_REASON_RDTSC] = "RDTSC",
    [EXIT_REASON_RSM] = "RSM",
    [EXIT_REASON_VMCALL] = "VMCALL",
    [EXIT_REASON_VMCLEAR] = "VMCLEAR",
    [EXIT_REASON_VMLAUNCH] = "VMLAUNCH",
    [EXIT_REASON_VMPTRLD] = "VMPTRLD",
    [EXIT_REASON_VMPTRST] = "VMPTRST",
    [EXIT_REASON_VMREAD] = "VMREAD",
    [EXIT_REASON_VMRESUME] = "VMRESUME",
    [EXIT_REASON_VMWRITE] = "VMWRITE",
    [EXIT_REASON_VMXOFF] = "VMXOFF",
    [EXIT_REASON_VMXON] = "VMXON",
    [EXIT_REASON_CONTROL_REGISTER] = "control-register access",
    [EXIT_REASON_DEBUG_REGISTER] = "MOV to or from a debug register",
    [EXIT_REASON_IO] = "I/O instruction",
    [EXIT_REASON_RDMSR] = "RDMSR",
    [EXIT_REASON_WRMSR] = "WRMSR",
    [EXIT_REASON_ENTRY_INVALID_GUEST_STATE] = "VM-entry failure: invalid guest state",
    [EXIT_REASON_ENTRY_MSR_LOADING] = "VM-entry failure: MSR loading",
    [EXIT_REASON_MWAIT] = "MWAIT",
    [EXIT_REASON_MONITOR_TRAP_FLAG] = "monitor trap flag",
    [EXIT_REASON_MONITOR] = "MONITOR",
    [EXIT_REASON_PAUSE] = "PAUSE",
    [EXIT_REASON_ENTRY_MACHINE_CHECK] = "VM-entry failure: machine check",
    [EXIT_REASON_TPR_BELOW_THRESHOLD] = "TPR below threshold",
    [EXIT_REASON_APIC_ACCESS] = "APIC access",
    [EXIT_REASON_VIRTUALIZED_EOI] = "virtualized EOI",
    [EXIT_REASON_GDTR_OR_IDTR] = "access to GDTR or IDTR",
    [EXIT_REASON_LDTR_OR_TR] = "access to LDTR or TR",
    [EXIT_REASON_EPT_VIOLATION] = "EPT violation",
    [EXIT_REASON_EPT_MISCONFIGURATION] = "EPT misconfiguration",
    [EXIT_REASON_INVEPT] = "INVEPT",
    [EXIT_REASON_RDTSCP] = "RDTSCP",
    [EXIT_REASON_PREEMPTION_TIMER] = "VMX-preemption timer expired",
    [EXIT_REASON_INVVPID] = "INVVPID",
    [EXIT_REASON_WBINVD] = "WBINVD or WBNOINVD",
    [EXIT_REASON_XSETBV] = "XSETBV",
    [EXIT_REASON_APIC_WRITE] = "APIC write",
    [EXIT_REASON_RDRAND] = "RDRAND",
    [EXIT_REASON_INVPCID] = "INVPCID",
    [EXIT_REASON_VMFUNC] = "VMFUNC",
    [EXIT_REASON_ENCLS] = "ENCLS",
    [EXIT_REASON_RDSEED] = "RDSEED",
    [EXIT_REASON_PAGE_LOG_FULL] = "page-modification log full",
    [EXIT_REASON_XSAVES] = "XSAVES",
    [EXIT_REASON_XRSTORS] = "XRSTORS",
    [EXIT_REASON_PCONFIG] = "PCONFIG",
    [EXIT_REASON_SPP] = "sub-page permission",
    [EXIT_REASON_UMWAIT] = "UMWAIT",
    [EXIT_REASON_TPAUSE] = "TPAUSE",
    [EXIT_REASON_LOADIWKEY] = "LOADIWKEY",
    [EXIT_REASON_ENCLV] = "ENCLV",
    [EXIT_REASON_SGX_CONFLICT] = "SGX conflict",
    [EXIT_REASON_ENQCMD] = "ENQCMD: PASID translation failure",
    [EXIT_REASON_ENQCMDS] = "ENQCMDS: PASID translation failure",
    [EXIT_REASON_BUS_LOCK] = "bus lock",
    [EXIT_REASON_INSTRUCTION_TIMEOUT] = "instruction timeout",
    [EXIT_REASON_SEAMCALL] = "SEAMCALL",
    [EXIT_REASON_TDCALL] = "TDCALL",
    [EXIT_REASON_RDMSRLIST] = "RDMSRLIST",
    [EXIT_REASON_WRMSRLIST] = "WRMSRLIST",
    [EXIT_REASON_URDMSR] = "URDMSR",
    [EXIT_REASON_UWRMSR] = "UWRMSR",
    [EXIT_REASON_RDMSR_IMMEDIATE] = "RDMSR with an immediate",
    [EXIT_REASON_WRMSRNS_IMMEDIATE] = "WRMSRNS with an immediate",
};

static const char *const error_names[] = {
    [2] = "VMCLEAR with invalid physical address",
    [3] = "VMCLEAR with VMXON pointer",
    [4] = "VMLAUNCH with non-clear VMCS",
    [5] = "VMRESUME with non-launched VMCS",
    [7] = "VM entry with invalid control field(s)",
    [8] = "VM entry with invalid host-state field(s)",
    [9] = "VMPTRLD with invalid physical address",
    [10] = "VMPTRLD with VMXON pointer",
    [11] = "VMPTRLD with incorrect VMCS revision identifier",
    [12] = "VMREAD/VMWRITE from/to unsupported VMCS component",
    [13] = "VMWRITE to read-only VMCS component",
    [15] = "VMXON executed in VMX root operation",
    [26] = "VM entry with events blocked by MOV SS",
    [28] = "invalid operand to INVEPT/INVVPID",
};

const char *exit_reason_name(uint32_t reason) {
    uint32_t basic = reason & EXIT_REASON_BASIC_MASK;

    if (basic >= EXIT_REASON_COUNT || !reason_names[basic])
        return "unknown exit reason";
    return reason_names[basic];
}

const char *vm_instruction_error_name(uint32_t error) {
    if (error >= sizeof(error_names) / sizeof(error_names[0]) || !error_names[error])
        return "unknown VM-instruction error";
    return error_names[error];
}
