/* Intel's processor generations, as far as speculation.c and vmx_controls.c ask about them.
 *
 * Which one suffers from what, and what its latest microcode announces, is from Intel's table of
 * affected processors (github.com/intel/Intel-affected-processor-list) and its page "CPUID
 * Enumeration and Architectural MSRs". Each value is made of the bits by their names. */
#pragma once
#include "arch/cpuid_bits.h"
#include "arch/msr.h"
#include "arch/speculation.h"

#define UPDATED      (CPUID_7_EDX_IBPB | CPUID_7_EDX_STIBP | CPUID_7_EDX_L1D_FLUSH | CPUID_7_EDX_SSBD)
#define UPDATED_MD   (UPDATED | CPUID_7_EDX_MD_CLEAR)
#define UPDATED_CAPS (UPDATED_MD | CPUID_7_EDX_ARCH_CAP)
#define CAPS_CASCADE                                                                               \
    (ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SKIP_L1DFL_VMENTRY | ARCH_CAP_MDS_NO |        \
     ARCH_CAP_FB_CLEAR | ARCH_CAP_RRSBA)
#define CAPS_ICE (CAPS_CASCADE | ARCH_CAP_IF_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO)
#define CAPS_ALDER                                                                                 \
    (CAPS_ICE | ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | ARCH_CAP_GDS_NO)
#define CTRL_ALDER                                                                                 \
    (CPUID_7_2_EDX_PSFD | CPUID_7_2_EDX_IPRED_CTRL | CPUID_7_2_EDX_RRSBA_CTRL |                    \
     CPUID_7_2_EDX_BHI_CTRL)

static const struct generation {
    const char *name;
    struct speculation_processor processor;
    const char *on, *missing; /* what is done, and what it needs and cannot do */
} generations[] = {
    {"Nehalem without microcode",
     {0x106a5, 0, 0, 0, 0},
     "retpoline, rsb, ept-4k, smt",
     "verw, l1d, ibpb"},
    {"Nehalem", {0x106a5, 0, UPDATED, 0, 0}, "retpoline, rsb, l1d, ept-4k, ibpb, smt", "verw"},
    {"Westmere", {0x206c2, 0, UPDATED, 0, 0}, "retpoline, rsb, l1d, ept-4k, ibpb, smt", "verw"},
    {"Sandy Bridge",
     {0x206a7, 0, UPDATED_MD, 0, 0},
     "retpoline, rsb, verw, l1d, ept-4k, ibpb, smt",
     "none"},
    {"Ivy Bridge-EP",
     {0x306e4, 0, UPDATED_MD, 0, 0},
     "retpoline, rsb, verw, l1d, ept-4k, ibpb, smt",
     "none"},
    {"Haswell-EP",
     {0x306f2, 0, UPDATED_MD, 0, 0},
     "retpoline, rsb, verw, l1d, ept-4k, ibpb, smt",
     "none"},
    {"Broadwell",
     {0x306d4, CPUID_7_EBX_RTM, UPDATED_MD, 0, 0},
     "retpoline, rsb, verw, l1d, ept-4k, ibpb, smt",
     "none"},
    {"Skylake client",
     {0x506e3, CPUID_7_EBX_RTM, UPDATED_MD, 0, 0},
     "retpoline, rsb, verw, l1d, ept-4k, ibpb, smt",
     "none"},
    {"Skylake server",
     {0x50654, CPUID_7_EBX_RTM, UPDATED_CAPS, 0, ARCH_CAP_RSBA},
     "retpoline, rsb, verw, l1d, ept-4k, ibpb, smt",
     "none"},
    {"Cascade Lake",
     {0x50657, CPUID_7_EBX_RTM, UPDATED_CAPS, 0, CAPS_CASCADE},
     "ibrs, bhb, rsb, verw, ept-4k, ibpb",
     "none"},
    {"Cascade Lake without TSX",
     {0x50657, 0, UPDATED_CAPS, 0, CAPS_CASCADE},
     "ibrs, bhb, rsb, ept-4k, ibpb",
     "none"},
    {"Comet Lake",
     {0xa0655, 0, UPDATED_CAPS, 0, CAPS_CASCADE},
     "ibrs, bhb, rsb, ept-4k, ibpb",
     "none"},
    {"Ice Lake server",
     {0x606a6, 0, UPDATED_CAPS, 0, CAPS_ICE},
     "ibrs, bhb, rsb-one, ibpb",
     "none"},
    {"Ice Lake client",
     {0x706e5, 0, UPDATED_CAPS, 0, CAPS_ICE & ~ARCH_CAP_IF_PSCHANGE_MC_NO},
     "ibrs, bhb, rsb-one, ept-4k, ibpb",
     "none"},
    {"Tiger Lake", {0x806c1, 0, UPDATED_CAPS, 0, CAPS_ICE}, "ibrs, bhb, rsb-one, ibpb", "none"},
    {"Alder Lake",
     {0x906a3, 0, UPDATED_CAPS, CTRL_ALDER, CAPS_ALDER | ARCH_CAP_RFDS_CLEAR},
     "ibrs, bhi, rsb-one, verw, ibpb",
     "none"},
    {"Alder Lake without the microcode for RFDS",
     {0x906a3, 0, UPDATED_CAPS, CTRL_ALDER, CAPS_ALDER},
     "ibrs, bhi, rsb-one, ibpb",
     "verw"},
    {"Sapphire Rapids",
     {0x806f8, CPUID_7_EBX_RTM, UPDATED_CAPS, CTRL_ALDER, CAPS_ALDER},
     "ibrs, bhi, rsb-one, ibpb",
     "none"},
    {"Lunar Lake",
     {0xb06d1, 0, UPDATED_CAPS, CTRL_ALDER, CAPS_ALDER | ARCH_CAP_PBRSB_NO | ARCH_CAP_RFDS_NO},
     "ibrs, bhi, ibpb",
     "none"},
    {"a processor without any of them",
     {0xd06d1, 0, UPDATED_CAPS, CTRL_ALDER, CAPS_ALDER | ARCH_CAP_PBRSB_NO | ARCH_CAP_BHI_NO},
     "ibrs, ibpb",
     "none"},
    {"Gemini Lake",
     {0x706a8, 0, UPDATED_CAPS, 0,
      ARCH_CAP_RDCL_NO | ARCH_CAP_SKIP_L1DFL_VMENTRY | ARCH_CAP_SSB_NO | ARCH_CAP_RFDS_CLEAR},
     "retpoline, rsb, verw, ibpb",
     "none"},
    {"Snow Ridge",
     {0x80665, 0, UPDATED_CAPS, 0,
      ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SKIP_L1DFL_VMENTRY | ARCH_CAP_MDS_NO |
          ARCH_CAP_IF_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | ARCH_CAP_FB_CLEAR | ARCH_CAP_PBRSB_NO},
     "ibrs, bhb, ibpb",
     "verw"},
    {"Silvermont", {0x406d8, 0, UPDATED_MD, 0, 0}, "retpoline, rsb, verw, ibpb, smt", "none"},
};
#define GENERATIONS (sizeof(generations) / sizeof(generations[0]))
