/* The processor's part in virtual-interrupt delivery: see processor.h. */
#include "tests/processor.h"

static uint8_t highest_or_0(const struct apic_page *page, uint32_t bank) {
    int vector = apic_page_highest(page, bank);

    return vector < 0 ? 0 : (uint8_t)vector;
}

void processor_set_status(struct processor *processor) {
    processor->rvi = highest_or_0(processor->page, APIC_IRR);
    processor->svi = highest_or_0(processor->page, APIC_ISR);
}

void processor_update_ppr(struct processor *processor) {
    uint32_t tpr = apic_page_read(processor->page, APIC_TPR);

    apic_page_write(processor->page, APIC_PPR, processor_ppr(tpr, processor->svi));
}

uint8_t processor_deliver(struct processor *processor) {
    struct apic_page *page = processor->page;
    uint8_t vector = processor->rvi;

    apic_page_add(page, APIC_ISR, vector);
    processor->svi = vector;
    apic_page_write(page, APIC_PPR, vector & 0xf0);
    apic_page_remove(page, APIC_IRR, vector);
    processor->rvi = highest_or_0(page, APIC_IRR);
    return vector;
}

bool processor_eoi(struct processor *processor, uint8_t *vector) {
    *vector = processor->svi;
    apic_page_remove(processor->page, APIC_ISR, *vector);
    processor->svi = highest_or_0(processor->page, APIC_ISR);
    processor_update_ppr(processor);
    return vector_set_has(&processor->exit_bitmap, *vector);
}

void processor_self_ipi(struct processor *processor, uint8_t vector) {
    apic_page_add(processor->page, APIC_IRR, vector);
    if (vector > processor->rvi)
        processor->rvi = vector;
}
