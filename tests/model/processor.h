/* The processor's part in virtual-interrupt delivery, written down from the SDM. See processor.c.
 */
#pragma once
#include <stdbool.h>

/* Whether the interrupt that RVI names would be delivered if the guest lets it. */
bool processor_recognizes(unsigned rvi, unsigned svi);
void processor_deliver(unsigned vcpu);
void processor_eoi(unsigned vcpu);
void processor_self_ipi(unsigned vcpu, unsigned vector_index);
