# The page: the interrupt core in a browser (docs/page.md). Needs clang, lld and Node; no other target does.
.PHONY: page page-deps page-engines

PAGE := $(B)/page

# The engine is the model checker (tests/model/) with words of its own, for WebAssembly.
# tools/page/wasm/ has headers in place of those that contain x86 instructions, and a small C library.
PAGE_SRC := $(filter-out $(addprefix tests/model/,main.c compare.c explore.c store.c story.c walk.c),$(MODEL_SRC)) tools/page/engine.c tools/page/json.c \
            tools/page/wasm/libc/libc.c tools/page/wasm/never.c
# The code whose lines the page shows when they run: compiled without optimization, so that every
# line is there. world_routing.c and world_virq.c contain routing.c and virq.c.
PAGE_SHOWN   := $(filter-out %timer.c %trace_text.c %trace.c,$(filter vmm/interrupts/%,$(PAGE_SRC))) tests/processor.c
PAGE_INSIDE  := tests/model/world_routing.c tests/model/world_virq.c vmm/interrupts/routing.c
PAGE_SOURCES := $(PAGE_SHOWN) vmm/interrupts/routing.c vmm/vcpu/virq.c \
                $(patsubst %,vmm/interrupts/%.h,apic_page destination inbox routing vector_set vioapic vlapic)

PAGE_CLANG  ?= clang
PAGE_CC     := $(PAGE_CLANG) --target=wasm32 -std=c11 -ffreestanding -fno-builtin -Wall -Wno-format -Werror \
               -Itools/page/wasm -I. -isystem tools/page/wasm/libc
PAGE_CC_SHOWN := $(PAGE_CC) -O0 -gdwarf-4
PAGE_OBJ    := $(PAGE_SRC:%.c=$(PAGE)/engine/%.o)
PAGE_EXPORTS := init describe start set_rescan set_software apply sentence state bytes possible happened line_count lines
PAGE_LD     := wasm-ld --no-entry --gc-sections --strip-all --export=__heap_base $(PAGE_EXPORTS:%=--export=engine_%)

$(call flags,page-cc,$(PAGE_CC) -O2)
$(call flags,page-cc-shown,$(PAGE_CC_SHOWN) $(PAGE_SOURCES))
$(call flags,page-ld,$(PAGE_LD) $(PAGE_OBJ))

$(PAGE)/engine/%.o: %.c $(B)/flags/page-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(PAGE_CC) -O2 -MMD -MP -c $< -o $@

PAGE_OBJ_SHOWN := $(patsubst %.c,$(PAGE)/engine/%.o,$(PAGE_SHOWN) $(PAGE_INSIDE))
$(PAGE_OBJ_SHOWN): $(PAGE)/engine/%.o: %.c tools/page/lines.awk $(B)/flags/page-cc-shown
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(PAGE_CC_SHOWN) -MMD -MP -MT $@ -S $< -o $(@:.o=.s)
	$(Q)awk -v files='$(PAGE_SOURCES)' -f tools/page/lines.awk $(@:.o=.s) >$(@:.o=.lines.s)
	$(Q)$(PAGE_CLANG) --target=wasm32 -c $(@:.o=.lines.s) -o $@

$(PAGE)/engine.wasm: $(PAGE_OBJ) $(B)/flags/page-ld
	$(call say,LD)
	$(Q)$(PAGE_LD) $(PAGE_OBJ) -o $@

page-engines: $(PAGE)/engine.wasm

# The engine with each of the mistakes of tests/model/mutants/: the order of the objects stays, so that
# the page needs to contain only what differs.
PAGE_MUTANTS := $(patsubst tests/model/mutants/%.mutant,$(PAGE)/mutants/%/engine.wasm,$(filter-out tests/model/mutants/posted_%,$(wildcard tests/model/mutants/*.mutant)))

$(PAGE_MUTANTS): export PAGE_CC_SHOWN := $(PAGE_CC_SHOWN)
$(PAGE_MUTANTS): export PAGE_CLANG := $(PAGE_CLANG)
$(PAGE_MUTANTS): export PAGE_LD := $(PAGE_LD)
$(PAGE_MUTANTS): export PAGE_SOURCES := $(PAGE_SOURCES)
$(PAGE_MUTANTS): $(PAGE)/mutants/%/engine.wasm: tests/model/mutants/%.mutant tools/page/mutant tests/lib/Mutant.pm $(PAGE)/engine.wasm
	$(call say,MUTANT)
	$(Q)tools/page/mutant $< $(@D) $(PAGE_OBJ)

page-engines: $(PAGE_MUTANTS)

# The engine that replays the trace of a run: lock-step (tests/lockstep/).
PAGE_TRACE_SRC := $(filter vmm/interrupts/% lib/% tests/processor.c tools/page/wasm/%,$(PAGE_SRC)) vmm/interrupts/routing.c \
                  tests/world.c $(addprefix tests/lockstep/,inputs.c replay.c software.c) tools/page/trace.c
PAGE_TRACE_OBJ := $(PAGE_TRACE_SRC:%.c=$(PAGE)/engine/%.o)
PAGE_TRACE_EXPORTS := room log begin step problem sentence state lanes line_count lines
PAGE_TRACE_LD  := wasm-ld --no-entry --gc-sections --strip-all --export=__heap_base $(PAGE_TRACE_EXPORTS:%=--export=trace_%)

$(call flags,page-trace-ld,$(PAGE_TRACE_LD) $(PAGE_TRACE_OBJ))

$(PAGE)/trace.wasm: $(PAGE_TRACE_OBJ) $(B)/flags/page-trace-ld
	$(call say,LD)
	$(Q)$(PAGE_TRACE_LD) $(PAGE_TRACE_OBJ) -o $@

page-engines: $(PAGE)/trace.wasm

# For tests/page/compile.t.
export PAGE_COMPILER   = $(PAGE_CC)
export PAGE_FILES_OF_C = $(sort $(PAGE_SRC) $(PAGE_TRACE_SRC))

PAGE_FILES := $(wildcard tools/page/*.mjs tools/page/js/*.js) tools/page/page.html tools/page/page.css docs/interrupts.md tests/page/sample.log

$(PAGE)/pinwheel.html: $(PAGE)/engine.wasm $(PAGE)/trace.wasm $(PAGE_MUTANTS) $(wildcard tests/model/mutants/* tests/model/replays/*) $(PAGE_SOURCES) $(PAGE_FILES)
	$(call say,PAGE)
	$(Q)node tools/page/bundle.mjs $(PAGE) $@ $(PAGE_SOURCES)

page-deps:
	@tools/deps page

page: page-deps ## build build/page/pinwheel.html: the interrupt core, to play with in a browser (docs/page.md)
	@$(MAKE_ALL) $(PAGE)/pinwheel.html
