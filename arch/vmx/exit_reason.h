/* Exit reasons and VM-instruction errors: their numbers and names.
 *
 * VMCS_EXIT_REASON has the basic exit reason in bits 15:0 and flags above. Listed are the reasons
 * and errors that can occur with the controls and instructions that Pinwheel uses. Pure. SDM Vol.
 * 3D, "VMX Basic Exit Reasons"; Vol. 3C, "VM Instruction Error Numbers". Read next:
 * vmm/vcpu/exits.c, the table of handlers by reason. */
#pragma once
#include <stdint.h>

#define EXIT_REASON_BASIC_MASK                0xffffu

#define EXIT_REASON_EXCEPTION_OR_NMI          0
#define EXIT_REASON_EXTERNAL_INTERRUPT        1
#define EXIT_REASON_TRIPLE_FAULT              2
#define EXIT_REASON_INIT                      3
#define EXIT_REASON_SIPI                      4
#define EXIT_REASON_INTERRUPT_WINDOW          7
#define EXIT_REASON_NMI_WINDOW                8
#define EXIT_REASON_TASK_SWITCH               9
#define EXIT_REASON_CPUID                     10
#define EXIT_REASON_GETSEC                    11
#define EXIT_REASON_HLT                       12
#define EXIT_REASON_INVD                      13
#define EXIT_REASON_RDPMC                     15
#define EXIT_REASON_VMCALL                    18
#define EXIT_REASON_VMCLEAR                   19
#define EXIT_REASON_VMLAUNCH                  20
#define EXIT_REASON_VMPTRLD                   21
#define EXIT_REASON_VMPTRST                   22
#define EXIT_REASON_VMREAD                    23
#define EXIT_REASON_VMRESUME                  24
#define EXIT_REASON_VMWRITE                   25
#define EXIT_REASON_VMXOFF                    26
#define EXIT_REASON_VMXON                     27
#define EXIT_REASON_CONTROL_REGISTER          28
#define EXIT_REASON_IO                        30
#define EXIT_REASON_RDMSR                     31
#define EXIT_REASON_WRMSR                     32
#define EXIT_REASON_ENTRY_INVALID_GUEST_STATE 33
#define EXIT_REASON_ENTRY_MSR_LOADING         34
#define EXIT_REASON_MWAIT                     36
#define EXIT_REASON_MONITOR                   39
#define EXIT_REASON_PAUSE                     40
#define EXIT_REASON_ENTRY_MACHINE_CHECK       41
#define EXIT_REASON_APIC_ACCESS               44
#define EXIT_REASON_VIRTUALIZED_EOI           45
#define EXIT_REASON_EPT_VIOLATION             48
#define EXIT_REASON_EPT_MISCONFIGURATION      49
#define EXIT_REASON_INVEPT                    50
#define EXIT_REASON_PREEMPTION_TIMER          52
#define EXIT_REASON_INVVPID                   53
#define EXIT_REASON_WBINVD                    54
#define EXIT_REASON_XSETBV                    55
#define EXIT_REASON_APIC_WRITE                56
#define EXIT_REASON_COUNT                     57 /* the largest of them + 1 */

/* The name of the reason in a value of VMCS_EXIT_REASON, whose flags are ignored. Never NULL: an
 * unlisted reason gives "unknown exit reason". */
const char *exit_reason_name(uint32_t reason);

/* The meaning of a value of VMCS_INSTRUCTION_ERROR. Never NULL: an unlisted number gives "unknown
 * VM-instruction error". */
const char *vm_instruction_error_name(uint32_t error);
