#!/usr/bin/env perl
# What KVM may lack (docs/nested.md), on an emulated Broadwell. It has no posted interrupts: KVM offers
# virtual-interrupt delivery to Pinwheel and does not pass on its EOI-exit bitmap, so no EOI exits. Pinwheel
# finds that at start-up and delivers interrupts itself, as it does where KVM hides the delivery; a guest that
# insists on virtual-interrupt delivery is not started. Other configurations are refused, in one line.
use strict;
use warnings;
use lib 'tests/lib', 'tests/nested';
use Boot 'report_all';
use Stage qw(job needs_bochs_3 run_jobs story_is_told wanted);
use Test::More;
use Tree 'read_text';

needs_bochs_3();
# With delivery in software each IPI is two exits and two lines of the story, which would take long to print.
my $IPIS = 1000;
my $story = read_text('guest/pinwheel.cfg') =~ s/rounds=\d+/rounds=$IPIS/gr =~ s/^story .*\n//gmr;
my $hello = "[hello]\nkernel = \\guests\\hello.elf\nmemory = 2M\n";
my $vid = $hello =~ s/hello\]/vid]/r . "delivery = vid\nafter = reroute-norescan\n";
my @refused = (
    ['no-vmx', 'this virtual machine has no VT-x', cpu => 'host,-vmx'],
    ['nested-off', 'this virtual machine has no VT-x', module => 'nested=0'],
    ['no-unrestricted-guest', 'this processor lacks "unrestricted guest"', module => 'nested=1+unrestricted_guest=0'],
    ['no-xsave', 'this processor lacks "XSAVE"', cpu => 'host,-xsave'],
);
my %result = run_jobs('nested-lacking', 'broadwell_ult', wanted(
    {name => 'lost-exits', config => $story . $vid},
    {name => 'software', config => $story, cpu => 'host,-vmx-apicv-vid'},
    map { my ($name, undef, %option) = @$_; {name => $name, config => $hello, %option} } @refused));

my $lost = 'an EOI causes no VM exit on this machine, although its EOI-exit bit is set';
job(\%result, 'lost-exits' => sub {
    my ($log) = @_;
    story_is_told($log, $IPIS);
    report_all(map { $log->check($_) }
        '/^Virtual     unrestricted guest, APIC registers, interrupt delivery, x2APIC$/',
        "/^pinwheel: interrupts are delivered in software: $lost\$/",
        "/^pinwheel: guest vid is not started: delivery = vid: $lost; use delivery = auto\$/",
        'PINWHEEL done guests=3 passed=2 failed=1');
});
job(\%result, software => sub {
    my ($log) = @_;
    story_is_told($log, $IPIS);
    report_all(map { $log->check($_) }
        '/^pinwheel: interrupts are delivered in software: this processor lacks "virtual-interrupt delivery"$/',
        'PINWHEEL done guests=2 passed=2 failed=0');
});
for (@refused) {
    my ($name, $reason) = @$_;
    job(\%result, $name => sub {
        my ($log, $result) = @_;
        report_all($log->check("/PINWHEEL refused: \Q$reason\E/"), $log->check('no PINWHEEL done guests>=0'));
        is(scalar(grep { /^PINWHEEL refused: / } @{$result->{debug}}), 1, 'one line on the debug port');
        is(scalar(grep { /panic/i } @{$log->{lines}}), 0, 'no panic');
    });
}
done_testing();
