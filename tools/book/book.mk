# The book (docs/book/), and the pages of docs/ that it refers to, as HTML. Needs pandoc, and what the
# page needs; no other target does.
.PHONY: book book-deps book-pages

BOOK          := $(B)/book
BOOK_CHAPTERS := docs/book/README.md $(filter-out %/README.md,$(sort $(wildcard docs/book/*.md)))
BOOK_SOURCES  := $(BOOK_CHAPTERS) $(wildcard *.md docs/*.md docs/labs/*.md tests/*.md)
BOOK_NAME      = $(patsubst %,$(BOOK)/%.html,$(if $(filter docs/book/README.md,$1),index,$(subst /,-,$(patsubst docs/book/%,%,$(1:.md=)))))
BOOK_PAGES    := $(foreach page,$(BOOK_SOURCES),$(call BOOK_NAME,$(page)))

define book_page
$(call BOOK_NAME,$1): $1 $(BOOK_CHAPTERS) tools/book/book.lua tools/book/template.html $(BOOK)/styles.html $(PWTRACE)
	@mkdir -p $(BOOK)/source
	$$(call say,BOOK)
	$$(Q)pandoc --from gfm --to html5 --standalone --template tools/book/template.html --lua-filter tools/book/book.lua \
	    --include-in-header $(BOOK)/styles.html -M source=$1 -M out=$(BOOK) -M pwtrace=$(PWTRACE) \
	    -M chapters='$(BOOK_CHAPTERS)' -M pages='$(BOOK_SOURCES)' $1 -o $$@
endef
$(foreach page,$(BOOK_SOURCES),$(eval $(call book_page,$(page))))

$(BOOK)/styles.html: tools/book/book.css
	@mkdir -p $(@D)
	@{ echo '<style>'; cat $<; echo '</style>'; } >$@

$(BOOK)/pinwheel.html: $(PAGE)/pinwheel.html
	@mkdir -p $(@D)
	@cp $< $@

book-deps:
	@tools/deps book

book: book-deps ## build build/book/index.html: the book, from what an interrupt is to why one marker is not enough
	@$(MAKE_ALL) book-pages

book-pages: $(BOOK_PAGES) $(BOOK)/pinwheel.html
