/* What is done against leaks through speculative execution: see speculation.h.
 *
 * Each function that answers whether a processor suffers from something believes its "not affected"
 * bit, then a list of models, and else assumes that it does: an unknown processor, or one without
 * the latest microcode, gets more than it needs. */
#include "arch/speculation.h"

#include "arch/cpuid_bits.h"
#include "arch/msr.h"
#include "lib/format.h"

/* ---- models ---- */

#define ANY_STEPPING 0

struct model {
    uint8_t number;   /* of family 6 */
    uint8_t stepping; /* the first one that is meant */
};

/* Atom cores: their L1 data cache does not forward data of terminal faults, and their instruction
 * TLB accepts pages that change their size. */
static const struct model atoms[] = {
    {0x1c, ANY_STEPPING}, {0x26, ANY_STEPPING}, {0x27, ANY_STEPPING}, {0x35, ANY_STEPPING},
    {0x36, ANY_STEPPING}, {0x37, ANY_STEPPING}, {0x4a, ANY_STEPPING}, {0x4c, ANY_STEPPING},
    {0x4d, ANY_STEPPING}, {0x5a, ANY_STEPPING}, {0x5c, ANY_STEPPING}, {0x5d, ANY_STEPPING},
    {0x5f, ANY_STEPPING}, {0x7a, ANY_STEPPING}, {0x86, ANY_STEPPING}, {0x96, ANY_STEPPING},
    {0x9c, ANY_STEPPING}, {0xaf, ANY_STEPPING}, {0xb6, ANY_STEPPING}, {0xbe, ANY_STEPPING},
};

/* The Atoms from Goldmont on, which have no microarchitectural data sampling. */
static const struct model atoms_without_mds[] = {
    {0x5c, ANY_STEPPING}, {0x5f, ANY_STEPPING}, {0x7a, ANY_STEPPING},
    {0x86, ANY_STEPPING}, {0x96, ANY_STEPPING}, {0x9c, ANY_STEPPING},
    {0xaf, ANY_STEPPING}, {0xb6, ANY_STEPPING}, {0xbe, ANY_STEPPING},
};

/* Register File Data Sampling (CVE-2023-28746): Atoms from Goldmont to Gracemont, and the
 * processors that have such cores beside others. */
static const struct model rfds[] = {
    {0x5c, ANY_STEPPING}, {0x5f, ANY_STEPPING}, {0x7a, ANY_STEPPING}, {0x86, ANY_STEPPING},
    {0x96, ANY_STEPPING}, {0x97, ANY_STEPPING}, {0x9a, ANY_STEPPING}, {0x9c, ANY_STEPPING},
    {0xb7, ANY_STEPPING}, {0xba, ANY_STEPPING}, {0xbe, ANY_STEPPING}, {0xbf, ANY_STEPPING},
};

/* Indirect Target Selection (CVE-2024-28956): a branch whose last byte is in the lower half of a
 * cache line may be predicted with the target of another branch. The first five models even with
 * that of a guest's branch. */
static const struct model its[] = {
    {0x55, 6},
    {0x8e, 12},
    {0x9e, 13},
    {0xa5, ANY_STEPPING},
    {0xa6, ANY_STEPPING},
    {0x6a, ANY_STEPPING},
    {0x6c, ANY_STEPPING},
    {0x7e, ANY_STEPPING},
    {0x8c, ANY_STEPPING},
    {0x8d, ANY_STEPPING},
    {0xa7, ANY_STEPPING},
};
#define ITS_FROM_GUESTS 5
#define ITS_ALL         (sizeof(its) / sizeof(its[0]))

/* SDM Vol. 2A, "CPUID", leaf 1. */
static bool is_one_of(const struct speculation_processor *p, const struct model *models,
                      size_t count) {
    uint32_t family = (p->signature >> 8) & 15;
    uint32_t number = ((p->signature >> 4) & 15) | ((p->signature >> 12) & 0xf0);

    for (size_t i = 0; i < count; i++) {
        if (family == 6 && models[i].number == number && (p->signature & 15) >= models[i].stepping)
            return true;
    }
    return false;
}

static bool is_atom(const struct speculation_processor *p) {
    return is_one_of(p, atoms, sizeof(atoms) / sizeof(atoms[0]));
}

/* ---- what a processor needs, and what it has ---- */

static bool has(const struct speculation_processor *p, uint64_t capability) {
    return p->arch_capabilities & capability;
}

static bool has_spec_ctrl(const struct speculation_processor *p) {
    return p->leaf7_edx & CPUID_7_EDX_IBPB;
}

static bool has_enhanced_ibrs(const struct speculation_processor *p) {
    return has_spec_ctrl(p) && has(p, ARCH_CAP_IBRS_ALL);
}

/* Branch target injection from a guest into the hypervisor. With enhanced IBRS the processor keeps
 * the targets of a guest's indirect branches from the hypervisor's, but not their history, nor the
 * last return address (PBRSB). Without it no indirect branch is executed, and the return stack
 * buffer is filled so that no RET of the hypervisor is predicted by a guest's CALL, or by an
 * indirect branch because the buffer is empty (RSBA). */
static uint32_t needed_for_branches(const struct speculation_processor *p) {
    if (!has_enhanced_ibrs(p))
        return MITIGATION_RETPOLINE | MITIGATION_RSB;
    uint32_t needed = MITIGATION_IBRS;
    if (!has(p, ARCH_CAP_BHI_NO))
        needed |= p->leaf7_2_edx & CPUID_7_2_EDX_BHI_CTRL ? MITIGATION_BHI : MITIGATION_BHB;
    if (is_one_of(p, its, ITS_FROM_GUESTS))
        needed |= MITIGATION_RSB;
    else if (!has(p, ARCH_CAP_PBRSB_NO))
        needed |= MITIGATION_RSB_ONE;
    return needed;
}

/* Stale data in the processor's buffers: MDS, TAA (which needs TSX), RFDS. Not MMIO Stale Data:
 * guests access no device of the machine. */
static bool has_mds(const struct speculation_processor *p) {
    return !has(p, ARCH_CAP_MDS_NO) &&
           !is_one_of(p, atoms_without_mds,
                      sizeof(atoms_without_mds) / sizeof(atoms_without_mds[0]));
}

static bool has_taa(const struct speculation_processor *p) {
    return (p->leaf7_ebx & CPUID_7_EBX_RTM) && !has(p, ARCH_CAP_TAA_NO);
}

static bool has_rfds(const struct speculation_processor *p) {
    return !has(p, ARCH_CAP_RFDS_NO) &&
           (has(p, ARCH_CAP_RFDS_CLEAR) || is_one_of(p, rfds, sizeof(rfds) / sizeof(rfds[0])));
}

static bool needs_verw(const struct speculation_processor *p) {
    return has_mds(p) || has_taa(p) || has_rfds(p);
}

/* MD_CLEAR and FB_CLEAR announce that VERW overwrites other buffers than the register file. */
static bool verw_overwrites(const struct speculation_processor *p) {
    if (has_rfds(p) && !has_mds(p) && !has_taa(p))
        return has(p, ARCH_CAP_RFDS_CLEAR);
    return (p->leaf7_edx & CPUID_7_EDX_MD_CLEAR) || has(p, ARCH_CAP_FB_CLEAR | ARCH_CAP_RFDS_CLEAR);
}

/* L1 terminal fault: a guest reads what is in the L1 data cache, whoever's it is. */
static bool has_l1_terminal_fault(const struct speculation_processor *p) {
    return !has(p, ARCH_CAP_RDCL_NO) && !is_atom(p);
}

static uint32_t needed(const struct speculation_processor *p) {
    uint32_t set = needed_for_branches(p) | MITIGATION_IBPB;

    if (needs_verw(p))
        set |= MITIGATION_VERW;
    if (has_l1_terminal_fault(p) && !has(p, ARCH_CAP_SKIP_L1DFL_VMENTRY))
        set |= MITIGATION_L1D;
    if (has_mds(p) || has_l1_terminal_fault(p))
        set |= MITIGATION_SMT;
    if (!has(p, ARCH_CAP_IF_PSCHANGE_MC_NO) && !is_atom(p))
        set |= MITIGATION_EPT_4K;
    return set;
}

static uint32_t possible(const struct speculation_processor *p) {
    uint32_t set = MITIGATION_RETPOLINE | MITIGATION_BHB | MITIGATION_RSB | MITIGATION_RSB_ONE |
                   MITIGATION_EPT_4K | MITIGATION_SMT;

    if (has_enhanced_ibrs(p))
        set |= MITIGATION_IBRS;
    if (has_spec_ctrl(p))
        set |= MITIGATION_IBPB;
    if (has_spec_ctrl(p) && (p->leaf7_2_edx & CPUID_7_2_EDX_BHI_CTRL))
        set |= MITIGATION_BHI;
    if (p->leaf7_edx & CPUID_7_EDX_SSBD)
        set |= MITIGATION_SSBD;
    if (p->leaf7_edx & CPUID_7_EDX_L1D_FLUSH)
        set |= MITIGATION_L1D | MITIGATION_L1D_ENTRY;
    if (verw_overwrites(p))
        set |= MITIGATION_VERW;
    return set;
}

/* VERW is executed everywhere if the configuration asks for it; without one of the bits above it
 * overwrites nothing. */
#define ALWAYS_EXECUTABLE MITIGATION_VERW

/* ---- what guests are offered ---- */

#define GUEST_LEAF7_EDX                                                                            \
    (CPUID_7_EDX_MD_CLEAR | CPUID_7_EDX_IBPB | CPUID_7_EDX_STIBP | CPUID_7_EDX_L1D_FLUSH |         \
     CPUID_7_EDX_ARCH_CAP | CPUID_7_EDX_SSBD)
#define GUEST_LEAF7_2_EDX                                                                          \
    (CPUID_7_2_EDX_PSFD | CPUID_7_2_EDX_IPRED_CTRL | CPUID_7_2_EDX_RRSBA_CTRL |                    \
     CPUID_7_2_EDX_DDPD_U | CPUID_7_2_EDX_BHI_CTRL)

/* The bits that say what the processor does; others announce MSRs that guests do not have. */
#define GUEST_ARCH_CAPABILITIES                                                                    \
    (ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA | ARCH_CAP_SKIP_L1DFL_VMENTRY |          \
     ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO | ARCH_CAP_IF_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO |            \
     ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR |            \
     ARCH_CAP_RRSBA | ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO |   \
     ARCH_CAP_RFDS_CLEAR)

static uint64_t guest_spec_ctrl(const struct speculation_processor *p) {
    const struct {
        uint32_t announced, bit;
        uint64_t controls;
    } bits[] = {
        {p->leaf7_edx, CPUID_7_EDX_IBPB, SPEC_CTRL_IBRS},
        {p->leaf7_edx, CPUID_7_EDX_STIBP, SPEC_CTRL_STIBP},
        {p->leaf7_edx, CPUID_7_EDX_SSBD, SPEC_CTRL_SSBD},
        {p->leaf7_2_edx, CPUID_7_2_EDX_PSFD, SPEC_CTRL_PSFD},
        {p->leaf7_2_edx, CPUID_7_2_EDX_IPRED_CTRL, SPEC_CTRL_IPRED_DIS_U | SPEC_CTRL_IPRED_DIS_S},
        {p->leaf7_2_edx, CPUID_7_2_EDX_RRSBA_CTRL, SPEC_CTRL_RRSBA_DIS_U | SPEC_CTRL_RRSBA_DIS_S},
        {p->leaf7_2_edx, CPUID_7_2_EDX_DDPD_U, SPEC_CTRL_DDPD_U},
        {p->leaf7_2_edx, CPUID_7_2_EDX_BHI_CTRL, SPEC_CTRL_BHI_DIS_S},
    };
    uint64_t may_set = 0;

    for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if (bits[i].announced & bits[i].bit)
            may_set |= bits[i].controls;
    }
    return may_set;
}

/* If the hypervisor needs no bit of IA32_SPEC_CTRL, it can run with any value that a guest has set.
 * Else writes exit, and the hypervisor's bits are added. */
static void offer_to_guests(const struct speculation_processor *p, struct speculation *s) {
    s->guest_leaf7_edx = GUEST_LEAF7_EDX & p->leaf7_edx;
    s->guest_leaf7_2_edx = GUEST_LEAF7_2_EDX & p->leaf7_2_edx;
    s->guest_spec_ctrl = guest_spec_ctrl(p);
    s->guest_spec_ctrl_open = s->guest_spec_ctrl && !s->spec_ctrl;
    s->guest_pred_cmd = p->leaf7_edx & CPUID_7_EDX_IBPB;
    s->guest_flush_cmd = p->leaf7_edx & CPUID_7_EDX_L1D_FLUSH;
    s->guest_arch_capabilities = p->leaf7_edx & CPUID_7_EDX_ARCH_CAP;
    if (!s->guest_arch_capabilities)
        return;
    s->guest_arch_value = p->arch_capabilities & GUEST_ARCH_CAPABILITIES;
    if (!is_one_of(p, its, ITS_ALL))
        s->guest_arch_value |= ARCH_CAP_ITS_NO;
}

struct speculation speculation_decide(const struct speculation_processor *p,
                                      const struct speculation_request *request) {
    uint32_t need = needed(p), can = possible(p);
    struct speculation s = {
        .on = (need & can & ~request->off) | (request->on & (can | ALWAYS_EXECUTABLE)),
        .missing = need & ~can & ~request->off,
        .off = need & request->off,
    };

    s.spec_ctrl = (s.on & MITIGATION_IBRS ? SPEC_CTRL_IBRS : 0) |
                  (s.on & MITIGATION_BHI ? SPEC_CTRL_BHI_DIS_S : 0) |
                  (s.on & MITIGATION_SSBD ? SPEC_CTRL_SSBD : 0);
    offer_to_guests(p, &s);
    return s;
}

/* ---- names ---- */

static const char *const names[] = {"ibrs",    "retpoline", "bhi", "bhb",       "rsb",
                                    "rsb-one", "verw",      "l1d", "l1d-entry", "ept-4k",
                                    "ibpb",    "ssbd",      "smt"};
#define NAMES (sizeof(names) / sizeof(names[0]))
_Static_assert(MITIGATION_ALL == (1 << NAMES) - 1, "a name for each");

static bool apply_word(struct slice word, struct speculation_request *request) {
    if (slice_equals(word, "auto") || slice_equals(word, "off")) {
        request->on = 0;
        request->off = slice_equals(word, "off") ? MITIGATION_ALL : 0;
        return true;
    }
    bool on = slice_begins_with(word, "+");
    if (!on && !slice_begins_with(word, "-"))
        return false;
    word.at++;
    for (unsigned i = 0; i < NAMES; i++) {
        uint32_t bit = 1u << i;
        if (slice_equals(word, names[i])) {
            request->on = on ? request->on | bit : request->on & ~bit;
            request->off = on ? request->off & ~bit : request->off | bit;
            return true;
        }
    }
    return false;
}

static bool is_separator(char c) {
    return slice_is_blank(c) || c == ',';
}

static size_t word_end(struct slice s) {
    for (; s.at < s.end; s.at++) {
        if (is_separator(s.text[s.at]))
            return s.at;
    }
    return s.end;
}

bool speculation_parse(struct slice value, struct speculation_request *request) {
    bool has_words = false;

    *request = (struct speculation_request){0, 0};
    while (value.at < value.end) {
        struct slice word = {value.text, value.at, word_end(value)};

        value.at = word.end + 1;
        if (slice_is_empty(word))
            continue;
        if (!apply_word(word, request))
            return false;
        has_words = true;
    }
    return has_words;
}

void speculation_names(uint32_t set, char *out, size_t size) {
    struct text text = {.out = out, .size = size};

    text_add(&text, "%s", set & MITIGATION_ALL ? "" : "none");
    for (unsigned i = 0; i < NAMES; i++) {
        if (set & 1u << i)
            text_add(&text, "%s%s", text.length ? ", " : "", names[i]);
    }
}
