#!/usr/bin/env perl
# make run KERNEL=...: one kernel without a configuration file, its console without a prefix; and one
# line of refusal for each setting that is wrong.
use strict;
use warnings;
use File::Path 'make_path';
use File::Temp 'tempdir';
use Test::More;

my $build = $ENV{B} // 'build';
my $dir = tempdir(CLEANUP => 1);
make_path("$build/emulator");
# The settings must not come from the environment of this test.
delete @ENV{qw(KERNEL INITRD DISK CMDLINE VCPUS MEMORY X2APIC DELIVERY MITIGATIONS TIMEOUT MAKEFLAGS MFLAGS MAKELEVEL)};

# Characters that are special to the shell, to sed or to the emulator are allowed in the path.
my $log_dir = "$build/emulator/kernel, a&b|c";

sub one_guest {
    my (%variable) = @_;
    local @ENV{keys %variable} = values %variable;
    my $output = `tools/one-guest $build/emulator/kernel.img $build/BOOTX64.EFI --emu bochs --silence 120 --log-dir '$log_dir' 2>&1`;
    return ($? >> 8, $output);
}

# make TARGET with variables, whose values may contain blanks.
sub run_make {
    my ($target, %variable) = @_;
    my $words = join ' ', map { "$_='$variable{$_}'" } sort keys %variable;
    my $output = `make --no-print-directory $target B=$build EMU=bochs TIMEOUT=300 $words 2>&1`;
    return ($? >> 8, $output);
}

sub file {
    my ($name, $bytes) = @_;
    open my $file, '>', "$dir/$name" or die "$dir/$name: $!\n";
    binmode $file;
    print $file $bytes;
    close $file;
    return "$dir/$name";
}

# A file of one byte more than this, without blocks on the disk.
sub hole {
    my ($size) = @_;
    my $name = file('hole', '');
    truncate $name, $size + 1 or die "$name: $!\n";
    return $name;
}

my $hello = "$build/guest/hello.elf";
my $late = file('late', "\0" x 8192 . pack('V', 0x1badb002));
my $odd = file('odd', "\0" x 6 . pack('V', 0x1badb002) . "\0" x 90);
for (
    ['an empty name', {KERNEL => ''}, qr/KERNEL= is empty: name a kernel file/],
    ['no file', {KERNEL => "$dir/none"}, qr/KERNEL=.*: not a readable file/],
    ['a folder', {KERNEL => $dir}, qr/KERNEL=.*: not a readable file/],
    ['no initrd', {KERNEL => $hello, INITRD => "$dir/none"}, qr/INITRD=.*: not a readable file/],
    ['no disk', {KERNEL => $hello, DISK => "$dir/none"}, qr/DISK=.*: not a readable file/],
    ['a disk that is too large', {KERNEL => $hello, DISK => hole(256 << 20)}, qr/^make run: DISK=.*: larger than 256 MiB, /],
    ['a header after the first 8 KiB', {KERNEL => $late}, qr/neither a Linux bzImage nor/],
    ['a header that is not aligned', {KERNEL => $odd}, qr/neither a Linux bzImage nor/],
    ['no vCPU', {KERNEL => $hello, VCPUS => 0}, qr/must be 1 to 64/],
    ['odd memory', {KERNEL => $hello, MEMORY => '3M'}, qr/multiple of 2M/],
    ['memory without a unit', {KERNEL => $hello, MEMORY => '64'}, qr/with M or G/],
    ['neither on nor off', {KERNEL => $hello, X2APIC => 'no'}, qr/must be on or off/],
    ['no such delivery', {KERNEL => $hello, DELIVERY => 'hardware'}, qr/must be auto, posted, vid or software/],
    ['mitigations that are no words', {KERNEL => $hello, MITIGATIONS => 'off; on'}, qr/MITIGATIONS=/],
    ['a time limit that is no number', {KERNEL => $hello, TIMEOUT => 'none'}, qr/number of seconds/],
    ['a # in the command line', {KERNEL => $hello, CMDLINE => 'a#b'}, qr/begins a comment/],
) {
    my ($name, $variables, $expected) = @$_;
    my ($status, $output) = one_guest(%$variables);
    is($status, 2, "$name: refused");
    like($output, $expected, "$name: the reason");
    is($output =~ tr/\n//, 1, "$name: one line");
}

# mcopy leaves out a file that FAT cannot hold, and reports success.
for my $size (256 << 20, 4096 << 20) {
    my $file = hole($size);
    like(`tools/disk-image $dir/image - $hello $file 2>&1; echo \$?`,
        qr{^tools/disk-image: \Q$file\E is larger than 256 MiB, .*\n1$}, "no disk image with a file of $size bytes and one");
}
ok(!-e "$dir/image", 'there is none');

# What the hypervisor would refuse is refused before the machine boots, in its words.
for (
    ['an image over the ACPI tables', elf(0xe0000, 0xe0000), {}, qr/meets 0xa0000 to 0xfffff, where a PC has no memory/],
    ['an entry point in no segment', elf(0x100000, 0x200000), {}, qr/the entry point 0x200000 lies outside the image/],
    ['an image that needs more memory', elf(0x800000, 0x800000), {MEMORY => '4M'}, qr/too little memory: the guest has 4 MiB/],
    ['an initrd that is cut off', undef, {KERNEL => "$build/guest/bzimage", INITRD => file('cut', "\x1f\x8b\x08\0")},
        qr/the initial RAM disk is cut off: its 4 bytes end within a gzip file/],
) {
    my ($name, $elf, $variables, $expected) = @$_;
    $variables->{KERNEL} //= file('kernel.elf', $elf);
    my ($status, $output) = one_guest(%$variables);
    is($status, 2, "$name: refused");
    like($output, $expected, "$name: the hypervisor's words");
    is($output =~ tr/\n//, 1, "$name: one line, so nothing has booted");
}

# A Multiboot image of one segment at an address, with an entry point.
sub elf {
    my ($address, $entry) = @_;
    my $code = "\xf4" x 16;
    my $multiboot = pack('V3', 0x1badb002, 0, -0x1badb002 & 0xffffffff);
    return pack('a4C12v2V5v6', "\x7fELF", 1, 1, 1, (0) x 9, 2, 3, 1, $entry, 52, 0, 0, 52, 32, 1, 0, 0, 0)
        . pack('V8', 1, 96, $address, $address, 16, 16, 7, 1) . $multiboot . $code;
}

my ($status, $output) = run_make('run', KERNEL => '');
isnt($status, 0, 'make run KERNEL= does not boot the demonstration');
like($output, qr/^make run: KERNEL= is empty/m, 'make run KERNEL=: the reason');

($status, $output) = one_guest(KERNEL => "$build/guest/pic.elf", VCPUS => 2, MEMORY => '8M', DELIVERY => 'software',
    MITIGATIONS => 'off', CMDLINE => 'a b', INITRD => file('module', 'words'));
is($status, 0, 'a Multiboot file runs');
like($output, qr/guest guest starts: 2 vCPUs, 8 MiB.* delivery=software/, 'with the requested vCPUs, memory and delivery');
like($output, qr/^Mitigations +none/m, 'without mitigations');
like($output, qr/^ok 12 - /m, 'its console is shown without a prefix');
like($output, qr/^GUEST name=guest result=pass code=0 /m, 'the guest passes');

# A Linux kernel by `make linux`, with its defaults.
my $archive = join '', map { cpio(@$_) } ['file', 'contents'], ['TRAILER!!!', ''];
($status, $output) = run_make('linux', KERNEL => "$build/guest/bzimage", INITRD => file('a whole one', $archive),
    DISK => file('disk', "\0" x 4096));
is($status, 0, 'a Linux kernel runs');
like($output, qr/guest guest starts: 2 vCPUs, 256 MiB/, 'with 2 vCPUs and 256 MiB');
like($output, qr/^# command line: console=ttyS0$/m, 'with the serial port as its console');
unlike($output, qr/up to date|Nothing to be done/, 'make does not report what it need not build');
like($output, qr/^# initrd: 070701/m, 'with its initial RAM disk');
like($output, qr/^GUEST name=guest result=pass code=0 /m, 'the guest passes');

sub cpio {
    my ($name, $contents) = @_;
    my $header = '070701' . join '', map { sprintf '%08X', $_ } (0) x 6, length $contents, (0) x 4,
        length($name) + 1, 0;
    my $padded = '';
    for my $part ("$header$name\0", $contents) {
        $padded .= $part . "\0" x (-length($part) % 4);
    }
    return $padded;
}
done_testing();
