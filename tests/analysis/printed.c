/* Machine checks, records of the trace and refusals as text: any contents of the registers that a
 * machine check has left, of a record, and of what a processor says about itself.
 * Assumed: the names in CPUID end with a 0, which boot/report.c writes. Each number of an event is
 * a case, as is each one that is none. */
#include "arch/machine_check.h"
#include "boot/refusal.h"
#include "tests/analysis/any.h"
#include "vmm/interrupts/trace.h"

static char out[160];
static struct processor processor;

int main(void) {
    struct machine_check_bank bank = {
        .number = (unsigned)any(), .status = any(), .address = any(), .misc = any()};

    machine_check_text(&bank, out, sizeof(out));
    for (unsigned event = 0; event <= TRACE_EVENT_COUNT; event++) {
        struct trace_record record = {.time = any(), .a = any(), .b = any(), .what = any()};

        record.event = (uint8_t)event;
        trace_text(out, sizeof(out), &record, any());
        trace_story(out, sizeof(out), &record, any());
    }
    any_bytes(&processor.vmx, sizeof(processor.vmx));
    any_bytes(processor.vendor, sizeof(processor.vendor) - 1);
    any_bytes(processor.hypervisor, sizeof(processor.hypervisor) - 1);
    processor.xsave = any_bool();
    processor.vmx.vmx = any_bool();
    processor.vmx.rdtscp = any_bool();
    refusal_text(&processor, out, sizeof(out));
    return 0;
}
