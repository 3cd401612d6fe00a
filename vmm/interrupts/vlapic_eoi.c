/* The virtual local APIC: what becomes of an interrupt that was accepted: its delivery where that
 * is done in software, its EOI where the processor does not virtualize it, and EOI exits. See
 * vlapic.h. */
#include "vmm/interrupts/vlapic.h"
#include "vmm/interrupts/vlapic_internal.h"

/* The class of the PPR is the higher one of those of the TPR and of the highest vector in service;
 * if that is the TPR's, its low bits are the TPR's too. */
/*@ predicate ppr_is_right{L}(struct apic_page *p) =
  @     \let tpr = (uint8_t)p->word[APIC_TPR / 4];
  @     \forall integer s; highest(p, APIC_ISR, s) ==>
  @         p->word[APIC_PPR / 4] == (tpr / 16 >= s / 16 ? tpr : s / 16 * 16);
  @*/
/*@ requires \valid_read(apic) && \valid(apic->page) && \separated(apic, apic->page);
  @ assigns apic->page->word[APIC_PPR / 4];
  @ ensures ppr_is_right(apic->page);
  @ ensures same_bank{Pre, Post}(apic->page, APIC_ISR);
  @ ensures same_bank{Pre, Post}(apic->page, APIC_IRR);
  @*/
void vlapic_update_ppr(struct vlapic *apic) {
    int in_service = apic_page_highest(apic->page, APIC_ISR);
    uint8_t tpr = (uint8_t)apic_page_read(apic->page, APIC_TPR);
    uint32_t class = in_service < 0 ? 0 : (uint32_t)in_service / 16;

    apic_page_write(apic->page, APIC_PPR, tpr / 16u >= class ? tpr : class * 16);
    /*@ assert same_bank{Pre, Here}(apic->page, APIC_ISR); */
    /*@ assert same_bank{Pre, Here}(apic->page, APIC_IRR); */
}

/* ---- delivery in software ---- */

/*@ requires \valid_read(apic) && \valid(apic->page) && \separated(apic, apic->page);
  @ assigns apic->page->word[APIC_PPR / 4 .. APIC_IRR / 4 + 31];
  @ ensures none: \result < 0 ==> \result == -1 && \forall integer v; 0 <= v < VECTOR_COUNT &&
  @     \old(in_bank(apic->page, APIC_IRR, v)) ==>
  @     !\old(above_isr(apic->page, v) && above_tpr(apic->page, v));
  @ ensures highest: \result >= 0 ==> \old(highest(apic->page, APIC_IRR, \result));
  @ ensures above: \result >= 0 ==> \old(above_isr(apic->page, \result));
  @ ensures above: \result >= 0 ==> \old(above_tpr(apic->page, \result));
  @ ensures \result >= 0 ==> !in_bank(apic->page, APIC_IRR, \result);
  @ ensures \result >= 0 ==> in_bank(apic->page, APIC_ISR, \result);
  @ ensures \result >= 0 ==> ppr_is_right(apic->page);
  @ ensures same_bank_but{Pre, Post}(apic->page, APIC_IRR, \result);
  @ ensures same_bank_but{Pre, Post}(apic->page, APIC_ISR, \result);
  @*/
int vlapic_deliver(struct vlapic *apic) {
    int vector = apic_page_deliverable(apic->page);

    if (vector < 0)
        return -1;
    apic_page_remove(apic->page, APIC_IRR, (uint8_t)vector);
    apic_page_add(apic->page, APIC_ISR, (uint8_t)vector);
    vlapic_update_ppr(apic);
    return vector;
}

uint32_t vlapic_tpr_threshold(const struct vlapic *apic) {
    int vector = apic_page_above_isr(apic->page);

    return vector >= 0 && !apic_page_above_tpr(apic->page, vector) ? (uint32_t)vector >> 4 : 0;
}

/* ---- EOI ---- */

/*@ predicate suppressed{L}(struct vlapic *apic) =
  @     apic->broadcast_suppression != 0 &&
  @     (apic->page->word[APIC_SVR / 4] & APIC_SVR_SUPPRESS_EOI_BROADCAST) != 0;
  @*/

/* How many EOI exits of each vector were made here. */
//@ ghost uint32_t made[VECTOR_COUNT];

/* The only call of this effect. That it changes neither the IRR nor the ISR nor the PPR is taken
 * for granted by the proofs. */
/*@ requires in_set(&apic->map.exit, vector);
  @ assigns made[vector], apic->tokens, apic->inbox,
  @         apic->page->word[APIC_TMR / 4 .. APIC_TMR / 4 + 31];
  @ ensures made[vector] == (uint32_t)(\old(made[vector]) + 1);
  @ ensures same_bank{Pre, Post}(apic->page, APIC_ISR);
  @ ensures \old(ppr_is_right(apic->page)) ==> ppr_is_right(apic->page);
  @*/
static inline void make_eoi_exit(struct vlapic *apic, uint8_t vector) {
    apic->effects->eoi_exit(apic->context, vector);
}

/* The vector that has ended is the highest that was in service; if none was, nothing has changed
 * (invariant 17). It makes one EOI exit if its bit in the EOI-exit bitmap is set, and none if not
 * (invariant 3). */
/*@ requires \valid(apic) && \valid(apic->page) && \separated(apic, apic->page);
  @ assigns apic->page->word[APIC_PPR / 4 .. APIC_TMR / 4 + 31], apic->tokens, apic->inbox,
  @         made[0 .. VECTOR_COUNT - 1];
  @ ensures \old(highest(apic->page, APIC_ISR, \result));
  @ ensures spurious: \result < 0 ==> \forall integer i; 0 <= i < 1024 ==>
  @     apic->page->word[i] == \old(apic->page->word[i]);
  @ ensures \result >= 0 ==> !in_bank(apic->page, APIC_ISR, \result) &&
  @     ppr_is_right(apic->page);
  @ ensures same_bank_but{Pre, Post}(apic->page, APIC_ISR, \result);
  @ ensures \result >= 0 && in_set(&apic->map.exit, \result) ==>
  @     made[\result] == (uint32_t)(\old(made[\result]) + 1);
  @ ensures \forall integer v; 0 <= v < VECTOR_COUNT &&
  @     !(v == \result && in_set(&apic->map.exit, v)) ==> made[v] == \old(made[v]);
  @*/
int vlapic_eoi(struct vlapic *apic) {
    int vector = apic_page_highest(apic->page, APIC_ISR);

    if (vector < 0)
        return -1;
    apic_page_remove(apic->page, APIC_ISR, (uint8_t)vector);
    vlapic_update_ppr(apic);
    if (vector_set_has(&apic->map.exit, (uint8_t)vector))
        make_eoi_exit(apic, (uint8_t)vector);
    return vector;
}

/*@ requires \valid_read(apic) && \valid_read(apic->page);
  @ assigns \nothing;
  @ ensures \result <==> suppressed(apic);
  @*/
static bool suppresses_broadcast(const struct vlapic *apic) {
    return apic->broadcast_suppression &&
           (apic_page_read(apic->page, APIC_SVR) & APIC_SVR_SUPPRESS_EOI_BROADCAST);
}

/* What an EOI that has retired the tokens of these pins was: coincidental if of none; stale if the
 * vector's bit in the EOI-exit bitmap is; else live. */
/*@ requires \valid_read(apic);
  @ assigns \nothing;
  @ ensures retired == 0 <==> \result == VLAPIC_EOI_COINCIDENTAL;
  @ ensures retired != 0 && in_set(&apic->map.stale, vector) <==> \result == VLAPIC_EOI_STALE;
  @ ensures retired != 0 && !in_set(&apic->map.stale, vector) <==> \result == VLAPIC_EOI_LIVE;
  @*/
static enum vlapic_eoi classify(const struct vlapic *apic, uint8_t vector, uint32_t retired) {
    if (!retired)
        return VLAPIC_EOI_COINCIDENTAL;
    return vector_set_has(&apic->map.stale, vector) ? VLAPIC_EOI_STALE : VLAPIC_EOI_LIVE;
}

/* An edge that the processor has accepted by itself, a self-IPI that it has virtualized, shows
 * here: nothing level is in flight, and an edge has ended or waits in the IRR. So the vector's last
 * acceptance was that of an edge, and its TMR bit is cleared. */
/*@ requires \valid(apic) && \valid(apic->page) && \separated(apic, apic->page);
  @ assigns apic->page->word[APIC_TMR / 4 + vector / 32 * 4];
  @ ensures in_set(&apic->tokens.inflight, vector) ==>
  @     (in_bank(apic->page, APIC_TMR, vector) <==> \old(in_bank(apic->page, APIC_TMR, vector)));
  @ ensures !in_set(&apic->tokens.inflight, vector) ==> !in_bank(apic->page, APIC_TMR, vector);
  @ ensures same_bank_but{Pre, Post}(apic->page, APIC_TMR, vector);
  @*/
__attribute__((noinline)) static void correct_tmr(struct vlapic *apic, uint8_t vector) {
    if (!vector_set_has(&apic->tokens.inflight, vector))
        apic_page_remove(apic->page, APIC_TMR, vector);
}

/* The tokens that are owed to this EOI are retired, and no others. */
/*@ requires \valid(apic) && \valid(apic->page) && \valid(pins) && \valid(rescan);
  @ requires \separated(apic, apic->page, pins, rescan);
  @ requires kept: agree(&apic->tokens);
  @ assigns apic->tokens.front[vector], apic->tokens.behind[vector],
  @         apic->tokens.inflight.word[vector / 64],
  @         apic->page->word[APIC_TMR / 4 + vector / 32 * 4], *pins, *rescan;
  @ ensures kept: agree(&apic->tokens);
  @ ensures apic->tokens.behind[vector] == 0;
  @ ensures *rescan <==> in_set(&apic->map.stale, vector) && !in_set(&apic->tokens.inflight,
  vector);
  @ behavior pending:
  @     assumes in_bank(apic->page, APIC_IRR, vector);
  @     ensures \old(apic->tokens.front[vector]) == 0 <==> \result == VLAPIC_EOI_COINCIDENTAL;
  @     ensures \old(apic->tokens.front[vector]) != 0 && in_set(&apic->map.stale, vector) <==>
  @         \result == VLAPIC_EOI_STALE;
  @     ensures suppressed(apic) ? *pins == 0 : *pins == \old(apic->tokens.front[vector]);
  @     ensures apic->tokens.front[vector] == \old(apic->tokens.behind[vector]);
  @ behavior last:
  @     assumes !in_bank(apic->page, APIC_IRR, vector);
  @     ensures \old(apic->tokens.front[vector] == 0 && apic->tokens.behind[vector] == 0) <==>
  @         \result == VLAPIC_EOI_COINCIDENTAL;
  @     ensures \old(apic->tokens.front[vector] != 0 || apic->tokens.behind[vector] != 0) &&
  @         in_set(&apic->map.stale, vector) <==> \result == VLAPIC_EOI_STALE;
  @     ensures suppressed(apic)
  @         ? *pins == 0
  @         : *pins == \old(apic->tokens.front[vector] | apic->tokens.behind[vector]);
  @     ensures apic->tokens.front[vector] == 0;
  @*/
enum vlapic_eoi vlapic_eoi_exit(struct vlapic *apic, uint8_t vector, uint32_t *pins, bool *rescan) {
    static const enum trace_event event[] = {
        [VLAPIC_EOI_LIVE] = TRACE_EOI_LIVE,
        [VLAPIC_EOI_STALE] = TRACE_EOI_STALE,
        [VLAPIC_EOI_COINCIDENTAL] = TRACE_EOI_COINCIDENTAL,
    };
    bool pending = apic_page_has(apic->page, APIC_IRR, vector);
    uint32_t retired = tokens_retire(&apic->tokens, vector, pending);
    enum vlapic_eoi kind = classify(apic, vector, retired);

    if (pending || !retired)
        correct_tmr(apic, vector);
    *pins = suppresses_broadcast(apic) ? 0 : retired;
    *rescan = eoi_map_retired(&apic->map, vector, &apic->tokens.inflight);
    vlapic_trace(apic, event[kind], vector, retired, 0);
    return kind;
}
