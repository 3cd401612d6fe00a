/* Guards vmm/interrupts/vlapic.c: reset, INIT, modes, acceptance, EOI, local interrupts and errors.
 * For its registers see test_vlapic_registers.c and test_vlapic_x2apic.c. */
#include "tests/unit/vlapic_alone.h"

/* ---- reset and INIT ---- */

static void assert_reset_registers(void) {
    assert_int_equal(read_page(APIC_VERSION), 0x00050014);
    assert_int_equal(read_page(APIC_DFR), 0xffffffff);
    assert_int_equal(read_page(APIC_SVR), 0xff);
    for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 0x10)
        assert_int_equal(read_page(lvt), APIC_LVT_MASKED);
    assert_int_equal(read_page(APIC_LDR), 0);
    assert_int_equal(read_page(APIC_TPR), 0);
    assert_int_equal(read_page(APIC_PPR), 0);
    assert_int_equal(read_page(APIC_ESR), 0);
    assert_int_equal(read_page(APIC_ICR_LOW), 0);
    assert_int_equal(read_page(APIC_ICR_HIGH), 0);
    assert_int_equal(read_page(APIC_TIMER_INITIAL), 0);
    assert_int_equal(read_page(APIC_TIMER_DIVIDE), 0);
    assert_int_equal(apic_page_highest(&page, APIC_IRR), -1);
    assert_int_equal(apic_page_highest(&page, APIC_ISR), -1);
    assert_int_equal(apic_page_highest(&page, APIC_TMR), -1);
}

static void power_on_state(void **state) {
    power_on(state);
    assert_reset_registers();
    assert_int_equal(read_page(APIC_ID), ID << 24);
    assert_int_equal(apic.base, 0xfee00900);
    assert_int_equal(apic.identity.id, ID);
    assert_int_equal(apic.identity.mode, APIC_MODE_XAPIC);
    assert_false(apic.identity.enabled);
    assert_int_equal(seen.identity_changes, 0);
    vlapic_power_on(&apic, false);
    assert_int_equal(apic.base, 0xfee00800);
    apic.broadcast_suppression = true;
    vlapic_power_on(&apic, false);
    assert_int_equal(read_page(APIC_VERSION), 0x01050014);
}

static void init_keeps_base_and_id_only(void **state) {
    (void)state;
    write_page(APIC_ID, 9u << 24);
    write_page(APIC_LDR, 0x0f000000);
    write_page(APIC_TPR, 0x30);
    write_page(APIC_LVT_TIMER, 0x20040);
    write_page(APIC_TIMER_INITIAL, 1000);
    apic_page_add(&page, APIC_ISR, V);
    apic_page_add(&page, APIC_IRR, V);
    vlapic_init(&apic);
    assert_reset_registers();
    assert_int_equal(read_page(APIC_ID), 9u << 24);
    assert_int_equal(apic.identity.id, 9);
    assert_false(apic.identity.enabled);
    assert_int_equal(apic.base, 0xfee00900);
}

static void init_keeps_x2apic_mode(void **state) {
    (void)state;
    vlapic_init(&apic);
    assert_int_equal(apic.identity.mode, APIC_MODE_X2APIC);
    assert_int_equal(read_msr(APIC_ID), ID);
    assert_int_equal(read_msr(APIC_LDR), 0x00020008);
    assert_int_equal(read_msr(APIC_SVR), 0xff);
}

/* The VMCS has the map's bits until a scan changes both: so INIT keeps the map and requests a scan.
 */
static void invariant_20_init_requests_scans_even_if_the_identity_is_the_same(void **state) {
    (void)state;
    power_on(NULL);
    vector_set_add(&apic.map.exit, V);
    vlapic_init(&apic);
    assert_int_equal(seen.identity_changes, 1);
    assert_true(vector_set_has(&apic.map.exit, V));
    assert_int_equal(seen.timer_changes, 1);
}

static void invariant_20_init_empties_inbox_and_tokens(void **state) {
    (void)state;
    assert_true(vlapic_post(&apic, V, true, 5));
    vlapic_sync(&apic);
    vlapic_post(&apic, V + 1, true, 6);
    vlapic_post(&apic, V + 2, false, 0);
    vlapic_init(&apic);
    assert_int_equal(seen.traced[TRACE_DROPPED], 2);
    assert_true(inbox_is_empty(&apic.inbox));
    assert_true(vector_set_is_empty(&apic.tokens.inflight));
    assert_int_equal(vlapic_sync(&apic), -1);
}

/* ---- IA32_APIC_BASE ---- */

static bool write_base(uint64_t flags) {
    return vlapic_write_base(&apic, APIC_DEFAULT_BASE | flags);
}

static void base_transitions(void **state) {
    (void)state;
    assert_false(write_base(APIC_BASE_X2APIC)); /* EXTD without EN */
    assert_true(write_base(APIC_BASE_ENABLE | APIC_BASE_X2APIC));
    assert_false(write_base(APIC_BASE_ENABLE)); /* back to xAPIC */
    assert_false(write_base(APIC_BASE_X2APIC));
    assert_true(write_base(0));
    assert_false(write_base(APIC_BASE_ENABLE | APIC_BASE_X2APIC)); /* from disabled */
    assert_int_equal(apic.identity.mode, APIC_MODE_DISABLED);
    assert_true(write_base(APIC_BASE_ENABLE));
    assert_int_equal(apic.identity.mode, APIC_MODE_XAPIC);
    assert_reset_registers();
    assert_int_equal(read_page(APIC_ID), ID << 24);
}

/* IPIs are sent without a lock: one may arrive after its LAPIC was disabled, and find no register
 * that could end it. */
static void enabled_again_a_lapic_has_no_interrupt_from_before(void **state) {
    (void)state;
    assert_true(write_base(0));
    inbox_post_edge(&apic.inbox, V);
    assert_int_equal(vlapic_sync(&apic), V);
    assert_int_equal(vlapic_deliver(&apic), V);
    inbox_post_edge(&apic.inbox, V);
    assert_int_equal(vlapic_sync(&apic), V);
    inbox_post_edge(&apic.inbox, V + 1);
    assert_true(write_base(APIC_BASE_ENABLE));
    assert_reset_registers();
    assert_int_equal(vlapic_sync(&apic), -1);
    assert_int_equal(apic_page_highest(&page, APIC_ISR), -1);
    assert_int_equal(read_page(APIC_PPR), 0);
}

static void reserved_bits_of_the_base_fault(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        bool valid = bit == 8 || bit == 10 || bit == 11 || (bit >= 12 && bit < 39);
        uint64_t old = apic.base;

        if (bit == 10)
            continue;
        assert_int_equal(vlapic_write_base(&apic, old | 1ULL << bit), valid);
        assert_int_equal(apic.base, valid ? old | 1ULL << bit : old);
    }
}

static void a_mode_that_is_not_offered_is_a_reserved_bit(void **state) {
    (void)state;
    apic.x2apic_offered = false;
    assert_false(vlapic_write_base(&apic, APIC_DEFAULT_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC));
    assert_int_equal(apic.identity.mode, APIC_MODE_XAPIC);
    assert_true(vlapic_write_base(&apic, APIC_DEFAULT_BASE));
    assert_true(vlapic_write_base(&apic, APIC_DEFAULT_BASE | APIC_BASE_ENABLE));
}

static void a_new_base_address_is_stored_and_changes_nothing_else(void **state) {
    (void)state;
    assert_true(vlapic_write_base(&apic, 0xfe000000 | APIC_BASE_ENABLE));
    assert_int_equal(apic.base, 0xfe000000 | APIC_BASE_ENABLE);
    assert_int_equal(seen.identity_changes, 0);
    assert_true(apic.identity.enabled);
}

static void x2apic_mode_keeps_pending_interrupts(void **state) {
    (void)state;
    write_page(APIC_ICR_HIGH, 0xaa000000);
    write_page(APIC_TPR, 0x20);
    apic_page_add(&page, APIC_IRR, V);
    apic_page_add(&page, APIC_ISR, V + 1);
    assert_true(write_base(APIC_BASE_ENABLE | APIC_BASE_X2APIC));
    assert_int_equal(seen.identity_changes, 1);
    assert_int_equal(read_msr(APIC_ID), ID);
    assert_int_equal(read_msr(APIC_LDR), 0x00020008);
    assert_int_equal(read_msr(APIC_ICR_LOW), 0);
    assert_int_equal(read_msr(APIC_TPR), 0x20);
    assert_int_equal(read_msr(APIC_SVR), APIC_SVR_ENABLE | 0xff);
    assert_true(apic_page_has(&page, APIC_IRR, V) && apic_page_has(&page, APIC_ISR, V + 1));
}

/* ---- acceptance ---- */

static void posted_interrupts_are_accepted_at_the_sync(void **state) {
    (void)state;
    assert_int_equal(vlapic_sync(&apic), -1);
    assert_true(vlapic_post(&apic, V, false, 0));
    assert_false(apic_page_has(&page, APIC_IRR, V));
    assert_int_equal(vlapic_sync(&apic), V);
    assert_true(vlapic_post(&apic, 0xf1, true, 3));
    assert_int_equal(vlapic_sync(&apic), 0xf1);
    assert_true(apic_page_has(&page, APIC_IRR, V));
    assert_false(apic_page_has(&page, APIC_TMR, V));
    assert_true(apic_page_has(&page, APIC_TMR, 0xf1));
    assert_int_equal(apic.tokens.front[0xf1], 1u << 3);
    assert_int_equal(apic.tokens.front[V], 0);
    assert_int_equal(seen.traced[TRACE_ACCEPT_EDGE], 1);
    assert_int_equal(seen.traced[TRACE_ACCEPT_LEVEL], 1);
}

static void an_interrupt_to_itself_is_accepted_at_once(void **state) {
    (void)state;
    apic_page_add(&page, APIC_TMR, V); /* as if the last instance was a level */
    assert_true(vlapic_accept_own(&apic, V));
    assert_true(apic_page_has(&page, APIC_IRR, V));
    assert_false(apic_page_has(&page, APIC_TMR, V));
    assert_int_equal(seen.traced[TRACE_ACCEPT_EDGE], 1);
    assert_true(inbox_is_empty(&apic.inbox));
    assert_false(vlapic_accept_own(&apic, 15));
    assert_int_equal(errors(), APIC_ESR_RECEIVE_ILLEGAL_VECTOR);
    write_page(APIC_SVR, 0xff);
    assert_false(vlapic_accept_own(&apic, V + 1));
    assert_int_equal(vlapic_sync(&apic), V);
}

static void an_edge_and_a_level_at_once_are_one_level_instance(void **state) {
    (void)state;
    vlapic_post(&apic, V, true, 3);
    vlapic_post(&apic, V, false, 0);
    vlapic_sync(&apic);
    assert_true(apic_page_has(&page, APIC_TMR, V));
    assert_int_equal(apic.tokens.front[V], 1u << 3);
    vlapic_post(&apic, V, false, 0); /* a later edge is the last to be accepted */
    vlapic_sync(&apic);
    assert_false(apic_page_has(&page, APIC_TMR, V));
    assert_int_equal(apic.tokens.front[V], 1u << 3);
}

static void pins_that_were_dequeued_before_are_ignored(void **state) {
    (void)state;
    vlapic_post(&apic, V, true, 3);
    inbox_dequeue_pins(&apic.inbox, V);
    assert_int_equal(vlapic_sync(&apic), -1);
    assert_int_equal(seen.traced[TRACE_ACCEPT_LEVEL], 0);
}

static void a_disabled_lapic_accepts_nothing(void **state) {
    (void)state;
    write_page(APIC_SVR, 0xff);
    assert_false(vlapic_post(&apic, V, true, 3));
    assert_false(vlapic_post(&apic, V, false, 0));
    write_page(APIC_SVR, APIC_SVR_ENABLE | 0xff);
    assert_true(write_base(0));
    assert_false(vlapic_post(&apic, V, false, 0));
    assert_true(inbox_is_empty(&apic.inbox));
}

/* ---- errors and local interrupts ---- */

static void illegal_vectors_set_the_esr_and_deliver_nothing(void **state) {
    (void)state;
    for (unsigned vector = 0; vector < 16; vector++) {
        xapic(NULL);
        assert_false(vlapic_post(&apic, (uint8_t)vector, vector & 1, 2));
        assert_int_equal(vlapic_sync(&apic), -1);
        assert_int_equal(errors(), APIC_ESR_RECEIVE_ILLEGAL_VECTOR);
        assert_int_equal(errors(), 0);
    }
    assert_true(vlapic_post(&apic, 16, false, 0));
}

static void an_error_raises_the_error_entry_once_until_the_esr_is_written(void **state) {
    (void)state;
    write_page(APIC_LVT_ERROR, 0x20); /* in the same word as the illegal vectors */
    vlapic_post(&apic, 3, false, 0);
    assert_int_equal(vlapic_sync(&apic), 0x20);
    assert_int_equal(seen.sent, 1);
    vlapic_post(&apic, 4, false, 0);
    vlapic_sync(&apic);
    assert_int_equal(seen.sent, 1);
    errors();
    vlapic_post(&apic, 4, false, 0);
    vlapic_sync(&apic);
    assert_int_equal(seen.sent, 2);
}

/* In another hypervisor this was a deadlock: CVE-2024-45817. */
static void an_error_entry_with_an_illegal_vector_does_not_recurse(void **state) {
    (void)state;
    write_page(APIC_LVT_ERROR, 3);
    write_page(APIC_ICR_LOW, 4); /* send illegal vector */
    assert_int_equal(vlapic_sync(&apic), -1);
    assert_int_equal(errors(), APIC_ESR_SEND_ILLEGAL_VECTOR | APIC_ESR_RECEIVE_ILLEGAL_VECTOR);
}

static void local_interrupts_honour_the_mask(void **state) {
    (void)state;
    vlapic_local_interrupt(&apic, APIC_LVT_TIMER);
    assert_int_equal(seen.sent, 0);
    write_page(APIC_LVT_TIMER, V);
    vlapic_local_interrupt(&apic, APIC_LVT_TIMER);
    assert_int_equal(vlapic_sync(&apic), V);
    write_page(APIC_LVT_TIMER, 5);
    vlapic_local_interrupt(&apic, APIC_LVT_TIMER);
    vlapic_sync(&apic);
    assert_int_equal(errors(), APIC_ESR_RECEIVE_ILLEGAL_VECTOR);
}

/* ---- EOI ---- */

static void a_software_eoi_retires_the_highest_in_service(void **state) {
    (void)state;
    apic_page_add(&page, APIC_ISR, V);
    apic_page_add(&page, APIC_ISR, 0x83);
    vector_set_add(&apic.map.exit, V);
    write_page(APIC_TPR, 0x41);
    assert_int_equal(read_page(APIC_PPR), 0x80);
    assert_int_equal(vlapic_eoi(&apic), 0x83);
    assert_int_equal(seen.eoi_exits, 0);
    assert_int_equal(read_page(APIC_PPR), 0x50);
    write_page(APIC_EOI, 0);
    assert_int_equal(seen.eoi_exits, 1);
    assert_int_equal(seen.eoi_vector, V);
    assert_int_equal(read_page(APIC_PPR), 0x41);
    assert_int_equal(vlapic_eoi(&apic), -1); /* invariant 17 */
    assert_int_equal(seen.eoi_exits, 1);
}

static void an_eoi_exit_is_live_stale_or_coincidental(void **state) {
    uint32_t pins;
    bool rescan;

    (void)state;
    vector_set_add(&apic.map.exit, V);
    assert_int_equal(vlapic_eoi_exit(&apic, V, &pins, &rescan), VLAPIC_EOI_COINCIDENTAL);
    assert_int_equal(pins, 0);
    assert_false(rescan);
    tokens_accept(&apic.tokens, V, 0x30, false);
    assert_int_equal(vlapic_eoi_exit(&apic, V, &pins, &rescan), VLAPIC_EOI_LIVE);
    assert_int_equal(pins, 0x30);
    assert_false(rescan);
    vector_set_add(&apic.map.stale, V);
    tokens_accept(&apic.tokens, V, 0x10, false);
    tokens_accept(&apic.tokens, V, 0x20, true);
    apic_page_add(&page, APIC_IRR, V);
    assert_int_equal(vlapic_eoi_exit(&apic, V, &pins, &rescan), VLAPIC_EOI_STALE);
    assert_int_equal(pins, 0x10);
    assert_false(rescan); /* pin 5 is still in flight */
    apic_page_remove(&page, APIC_IRR, V);
    assert_int_equal(vlapic_eoi_exit(&apic, V, &pins, &rescan), VLAPIC_EOI_STALE);
    assert_int_equal(pins, 0x20);
    assert_true(rescan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_on_state),
        cmocka_unit_test_setup(init_keeps_base_and_id_only, xapic),
        cmocka_unit_test_setup(invariant_20_init_requests_scans_even_if_the_identity_is_the_same,
                               xapic),
        cmocka_unit_test_setup(invariant_20_init_empties_inbox_and_tokens, xapic),
        cmocka_unit_test_setup(base_transitions, xapic),
        cmocka_unit_test_setup(enabled_again_a_lapic_has_no_interrupt_from_before, xapic),
        cmocka_unit_test_setup(reserved_bits_of_the_base_fault, xapic),
        cmocka_unit_test_setup(a_mode_that_is_not_offered_is_a_reserved_bit, xapic),
        cmocka_unit_test_setup(a_new_base_address_is_stored_and_changes_nothing_else, xapic),
        cmocka_unit_test_setup(x2apic_mode_keeps_pending_interrupts, xapic),
        cmocka_unit_test_setup(posted_interrupts_are_accepted_at_the_sync, xapic),
        cmocka_unit_test_setup(an_interrupt_to_itself_is_accepted_at_once, xapic),
        cmocka_unit_test_setup(an_edge_and_a_level_at_once_are_one_level_instance, xapic),
        cmocka_unit_test_setup(pins_that_were_dequeued_before_are_ignored, xapic),
        cmocka_unit_test_setup(a_disabled_lapic_accepts_nothing, xapic),
        cmocka_unit_test_setup(illegal_vectors_set_the_esr_and_deliver_nothing, xapic),
        cmocka_unit_test_setup(an_error_raises_the_error_entry_once_until_the_esr_is_written,
                               xapic),
        cmocka_unit_test_setup(an_error_entry_with_an_illegal_vector_does_not_recurse, xapic),
        cmocka_unit_test_setup(local_interrupts_honour_the_mask, xapic),
        cmocka_unit_test_setup(a_software_eoi_retires_the_highest_in_service, xapic),
        cmocka_unit_test_setup(an_eoi_exit_is_live_stale_or_coincidental, xapic),
        cmocka_unit_test_setup(init_keeps_x2apic_mode, x2apic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
