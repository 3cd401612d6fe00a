#!/usr/bin/env perl
# The scorecard (guest/scorecard) on a hypervisor that is not ours: QEMU without KVM, which emulates the
# interrupt controllers in software. What passes there is QEMU's business and changes with its version, so this
# test wants a complete card, and the rules that every one keeps. First with the lines of a PC, then with QEMU's
# test device on vCPUs with the APIC IDs 0, 2, 4 and 6, as Xen's have. (tests/emulator/menu.t runs the scorecard
# on Pinwheel.)
use strict;
use warnings;
use lib 'tests/lib';
use File::Path 'make_path';
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';
my $dir = "$build/emulator/scorecard";
make_path($dir);

# Runs it to its end. A guest that never ends keeps QEMU busy, which the limit of its CPU time ends.
sub score {
    my ($name, @options) = @_;
    my $log = "$dir/$name.log";
    unlink $log;
    my $output = `prlimit --cpu=1200 qemu-system-x86_64 -machine q35 -cpu max -m 64 -nodefaults -display none -serial file:$log -device isa-debug-exit,iobase=0xf4,iosize=4 @options -kernel $build/guest/scorecard.elf 2>&1`;
    my $status = $? >> 8;
    ok($status == 1 || $status == 3, "$name: it runs to its end") or diag("status $status: $output");
    my $text = -e $log ? read_text($log) : '';
    $text =~ s/\r//g;
    return ($log, $text);
}

# Sockets of two threads each, of which one is there.
my $even = join ' ', '-smp 1,maxcpus=8,sockets=4,cores=1,threads=2',
    map { "-device max-x86_64-cpu,socket-id=$_,core-id=0,thread-id=0" } 1 .. 3;
# QEMU finds logical destinations only up to the first APIC ID that is missing, so rule 14 is not among the others.
# They run in turn in one thread, so that a vCPU that waits some number of PAUSEs does not wait for the host.
for (
    ['lines-of-a-pc', 3, 'COM1 HPET0 HPET1 HPET2', [],
        "-accel tcg -smp 4 -append 'ipis=1000 patience=3000000'"],
    ['even', 6, 'test device', ['6 rerouted in service', '20 INIT in flight', '23 glitches of a line'],
        "-accel tcg,thread=single $even -device pc-testdev -append 'even ipis=100 patience=1000000'"]) {
    my ($name, $last, $lines, $more, @options) = @$_;
    my ($log, $text) = score($name, @options);
    like(`tools/check-scorecard $log`, qr/^complete: \d+ of \d+ passed, .*\n\z/, "$name: a complete card");
    like($text, qr/^PINWHEEL SCORECARD \S+  hypervisor: TCGTCGTCGTCG$/m, "$name: it names the hypervisor");
    like($text, qr/  lines: \Q$lines\E$/m, "$name: and the source of its lines");
    like($text, qr/^exits per EOI: not counted by this hypervisor/m, "$name: what is not known is not claimed");
    like($text, qr/^ok \d+ - 4 vCPUs run, with the APIC IDs 0 to $last$/m, "$name: its APIC IDs");
    for my $rule ('1 no EOI is lost', '2 a route works at once', '12 masked in flight', @$more) {
        like($text, qr/\b\Q$rule\E +(\d+)\/\1 ok\b/, "$name: $rule");
    }
}
done_testing();
