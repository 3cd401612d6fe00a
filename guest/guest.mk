# The guests. Each is a Multiboot image: build/guest/NAME.elf
.PHONY: guests
guests:
