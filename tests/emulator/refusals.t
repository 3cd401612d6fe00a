#!/usr/bin/env perl
# Machines and configurations with which Pinwheel cannot run: it prints one line with the reason, before
# it leaves the firmware.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot check_file report_all);
use File::Path 'make_path';
use File::Temp 'tempdir';
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';

sub refuses {
    my ($name, $pattern, %option) = @_;
    my ($log, $status) = boot($name, config => 'tests/emulator/broken.cfg', %option);
    is($status, 3, "$name: the status reports the refusal");
    report_all($log->check("/PINWHEEL refused: .*$pattern/"));
    report_all($log->check('no PINWHEEL done guests>=0'));
    my ($port) = grep { -e } map { "$build/emulator/$name/$_" } 'debug.out', 'bochs.out';
    like(read_text($port), qr/\nPINWHEEL refused: (?s:.*)\nPinwheel returns to the firmware: .*\n/, "$name: the debug port reports it");
    unlike(read_text($port), qr/[^\t\n\r -~]/, "$name: and nothing else");
}

refuses('amd', 'AMD', model => 'ryzen', cpus => 1);
refuses('no-ept', 'enable EPT', model => 'core2_penryn_t9600', cpus => 1);
# This one boots the image of a stick: the firmware finds its EFI System Partition by the GPT.
my $stick = "$build/emulator/stick.img";
make_path("$build/emulator");
system('tools/disk-image', '--stick', $stick, 'guest/pinwheel.cfg', "$build/BOOTX64.EFI", "$build/guest/reroute.elf") == 0
    or BAIL_OUT('no image of a stick');
refuses('qemu-without-kvm', 'VT-x', emu => 'qemu', model => 'qemu64', image => 'stick');
refuses('nothing', 'no guest', config => 'tests/emulator/nothing.cfg', cpus => 1);
refuses('no-config', 'pinwheel.cfg', config => '-', cpus => 1);

# Kernels with one defect each, made from the intact one.
my $dir = tempdir(CLEANUP => 1);

sub file {
    my ($name, $bytes) = @_;
    open my $file, '>:raw', "$dir/$name" or die "$dir/$name: $!\n";
    print $file $bytes;
    close $file;
    return "$dir/$name";
}

sub damaged {
    my ($name, $offset, $bytes) = @_;
    my $kernel = read_text("$build/guest/bzimage");
    substr($kernel, $offset, length $bytes) = $bytes;
    return file($name, $kernel);
}

my @kernels = (
    "$build/guest/bzimage",
    damaged('damaged', 0x202, 'Hdrs'),
    damaged('only-32-bit', 0x236, "\0"),
    damaged('old', 0x206, "\x0b\x02"),
    damaged('hungry', 0x260, pack 'V', 16 << 20),
    file('cut-off', substr read_text("$build/guest/bzimage"), 0, -16),
    file('large', "\0" x (2 << 20)),
    file('cut-initrd', substr `printf words | gzip -n`, 0, 12),
    file('initrd', 'the first bytes of an initial RAM disk'),
);
my ($log, $status) = boot('broken', cpus => 1, files => ["$build/guest/hello.elf", @kernels]);
is($status, 1, 'a broken configuration: guests that are not started count as failed');
check_file($log, 'tests/emulator/broken.expect');
done_testing();
