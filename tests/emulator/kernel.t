#!/usr/bin/env perl
# make run KERNEL=...: one file without a configuration, its console without a prefix; and a clear
# word for each file that cannot be run.
use strict;
use warnings;
use File::Path 'make_path';
use File::Temp 'tempdir';
use Test::More;

my $build = $ENV{B} // 'build';
my $dir = tempdir(CLEANUP => 1);
make_path("$build/emulator");

sub one_guest {
    my (%variable) = @_;
    delete local @ENV{qw(KERNEL INITRD DISK CMDLINE VCPUS MEMORY X2APIC TIMEOUT)};
    local @ENV{keys %variable} = values %variable;
    my $output = `tools/one-guest $build/emulator/kernel.img $build/BOOTX64.EFI --emu bochs --timeout 300 --log-dir $build/emulator/kernel 2>&1`;
    return ($? >> 8, $output);
}

# Names with blanks, too.
sub make_linux {
    my (%variable) = @_;
    delete local @ENV{qw(KERNEL INITRD DISK CMDLINE VCPUS MEMORY X2APIC TIMEOUT MAKEFLAGS MFLAGS MAKELEVEL)};
    my $words = join ' ', map { "$_='$variable{$_}'" } sort keys %variable;
    my $output = `make --no-print-directory linux B=$build EMU=bochs TIMEOUT=300 $words 2>&1`;
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

my $hello = "$build/guest/hello.elf";
my $late = file('late', "\0" x 8192 . pack('V', 0x1badb002));
my $odd = file('odd', "\0" x 6 . pack('V', 0x1badb002) . "\0" x 90);
for (
    ['no file', {KERNEL => "$dir/none"}, qr/there is no such file/],
    ['a folder', {KERNEL => $dir}, qr/there is no such file/],
    ['no initrd', {KERNEL => $hello, INITRD => "$dir/none"}, qr/INITRD=.*no such file/],
    ['no disk', {KERNEL => $hello, DISK => "$dir/none"}, qr/DISK=.*no such file/],
    ['a header behind 8 KiB', {KERNEL => $late}, qr/neither a Linux bzImage nor/],
    ['a header that is not aligned', {KERNEL => $odd}, qr/neither a Linux bzImage nor/],
    ['no vCPU', {KERNEL => $hello, VCPUS => 0}, qr/must be 1 to 8/],
    ['odd memory', {KERNEL => $hello, MEMORY => '3M'}, qr/multiple of 2M/],
    ['memory without a unit', {KERNEL => $hello, MEMORY => '64'}, qr/with M or G/],
    ['an odd choice', {KERNEL => $hello, X2APIC => 'no'}, qr/must be on or off/],
    ['time without end', {KERNEL => $hello, TIMEOUT => 'none'}, qr/number of seconds/],
    ['a # in the command line', {KERNEL => $hello, CMDLINE => 'a#b'}, qr/begin a comment/],
) {
    my ($name, $variables, $expected) = @$_;
    my ($status, $output) = one_guest(%$variables);
    is($status, 2, "$name: refused");
    like($output, $expected, "$name: in words");
    is($output =~ tr/\n//, 1, "$name: in one line");
}

my ($status, $output) = one_guest(KERNEL => "$build/guest/pic.elf", VCPUS => 2, MEMORY => '8M',
    CMDLINE => 'a b', INITRD => file('module', 'words'));
is($status, 0, 'a Multiboot file runs');
like($output, qr/guest guest starts: 2 vCPUs, 8 MiB/, 'with the vCPUs and the memory asked for');
like($output, qr/^ok 12 - /m, 'its console is shown without a prefix');
like($output, qr/^GUEST name=guest result=pass code=0 /m, 'and it passes');

# A Linux kernel by `make linux`, with what it gets without being asked.
my $archive = join '', map { cpio(@$_) } ['file', 'contents'], ['TRAILER!!!', ''];
($status, $output) = make_linux(KERNEL => "$build/guest/bzimage", INITRD => file('a whole one', $archive),
    DISK => file('disk', "\0" x 4096));
is($status, 0, 'a Linux kernel runs');
like($output, qr/guest guest starts: 2 vCPUs, 256 MiB/, 'with 2 vCPUs and 256 MiB');
like($output, qr/^# command line: console=ttyS0$/m, 'with the serial port for its console');
like($output, qr/^# initrd: 070701/m, 'with its initial RAM disk');
like($output, qr/^GUEST name=guest result=pass code=0 /m, 'and it passes');

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
