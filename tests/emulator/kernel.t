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
    delete local @ENV{qw(KERNEL INITRD DISK CMDLINE VCPUS MEMORY X2APIC)};
    local @ENV{keys %variable} = values %variable;
    my $output = `tools/one-guest $build/emulator/kernel.img $build/BOOTX64.EFI --emu bochs --timeout 300 --log-dir $build/emulator/kernel 2>&1`;
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

# A file's contents, compressed.
sub gzip {
    my $path = file('plain', $_[0]);
    return scalar `gzip -c $path`;
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
    ['a # in the command line', {KERNEL => $hello, CMDLINE => 'a#b'}, qr/begin a comment/],
) {
    my ($name, $variables, $expected) = @$_;
    my ($status, $output) = one_guest(%$variables);
    is($status, 2, "$name: refused");
    like($output, $expected, "$name: in words");
    is($output =~ tr/\n//, 1, "$name: in one line");
}

my ($status, $output) = one_guest(KERNEL => "$build/guest/pic.elf", VCPUS => 2, MEMORY => '8M',
    CMDLINE => 'a b', INITRD => file('cut', '070701'));
is($status, 0, 'a Multiboot file runs');
like($output, qr/INITRD=.*cut: warning: it is cut off/, 'with a word about its initial RAM disk');
like($output, qr/guest guest starts: 2 vCPUs, 8 MiB/, 'with the vCPUs and the memory asked for');
like($output, qr/^ok 12 - /m, 'its console is shown without a prefix');
like($output, qr/^GUEST name=guest result=pass code=0 /m, 'and it passes');

# A Linux kernel, with what it gets without being asked.
my $archive = join '', map { cpio(@$_) } ['file', 'contents'], ['TRAILER!!!', ''];
($status, $output) = one_guest(KERNEL => "$build/guest/bzimage", INITRD => file('whole', $archive),
    DISK => file('disk', "\0" x 4096));
is($status, 0, 'a Linux kernel runs');
like($output, qr/guest guest starts: 1 vCPU, 256 MiB/, 'with 256 MiB');
like($output, qr/^# command line: console=ttyS0$/m, 'with the serial port for its console');
like($output, qr/^# initrd: 070701/m, 'with its initial RAM disk');
like($output, qr/^GUEST name=guest result=pass code=0 /m, 'and it passes');
unlike($output, qr/warning/, 'no word about an initial RAM disk that is whole');

# An initial RAM disk that is not whole is a warning; the kernel may think otherwise.
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

my $gzip = gzip($archive);
for (
    ['an archive', $archive, ''],
    ['two, with padding', "$archive\0\0\0\0$archive", ''],
    ['a compressed one behind it', $archive . $gzip, ''],
    ['padding behind that', "$gzip\0\0\0\0", ''],
    ['nothing', '', 'it is empty'],
    ['no archive', 'words', 'it is neither a cpio archive nor a compressed one'],
    ['no end', cpio('file', 'contents'), 'it is cut off: its archive has no end'],
    ['contents that are cut off', substr($archive, 0, 118), 'it is cut off: its archive has no end'],
    ['a header that is cut off', substr($archive, 0, 50), 'it is cut off: its archive has no end'],
    ['a header that is damaged', '070701' . 'g' x 104, 'it is damaged: no cpio header at byte 0'],
    ['something behind it', "${archive}else", 'it is damaged: no archive at byte ' . length $archive],
    ['a compressed one that is cut off', substr($gzip, 0, -9),
        'it is cut off or damaged: gzip cannot unpack it'],
) {
    my ($name, $bytes, $expected) = @$_;
    my $path = file('initrd', $bytes);
    chomp(my $said = `tools/check-initrd $path`);
    is($said, $expected, "check-initrd: $name");
    is($? >> 8, $expected eq '' ? 0 : 1, "check-initrd: $name: its status");
}
done_testing();
