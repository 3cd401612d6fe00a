#!/usr/bin/env perl
# Guests that attack the hypervisor with random actions (guest/attacker), by seed and one after the
# other, beside a guest that watches its share of the CPU, its timer, its memory and its registers
# (guest/victim.c). An attacker ends by itself, or is killed with a reason.
#
# ATTACK_ACTIONS=N: boots until the attackers have printed this many actions; by default one boot.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot report_all);
use File::Path 'make_path';
use List::Util 'sum';
use Test::More;

my $wanted = $ENV{ATTACK_ACTIONS} // 0;
my $each = $wanted ? 20_000 : 1_500;    # actions of an attacker's vCPU 0
my @vcpus = (8, 4, 2);                  # of the attackers of a boot
my $build = $ENV{B} // 'build';
my $first = $ENV{ATTACK_SEED} // 1;

# Two CPUs: the victim shares its own with half of the vCPUs of the attacker. Its share is fair, to a
# tenth, in the worst case, in which they all want to run.
sub configuration {
    my ($boot) = @_;
    my $least = int(90 / (1 + $vcpus[0] / 2));
    my $ms = $wanted ? 50_000 : 500;
    my $text = "[victim]\nkernel = \\guests\\victim.elf\nmemory = 4M\ncmdline = ms=$ms least=$least\n";
    for my $i (0 .. $#vcpus) {
        my $seed = $first + $boot * @vcpus + $i;
        $text .= "\n[attacker-$seed]\nkernel = \\guests\\attacker.elf\nmemory = 4M\nvcpus = $vcpus[$i]\n"
            . "cmdline = seed=$seed vcpus=$vcpus[$i] actions=$each\n";
        $text .= 'ioapic = ' . ($seed % 2 ? '0x11' : '0x20') . "\n";
        $text .= 'after = attacker-' . ($seed - 1) . "\n" if $i;
    }
    my $path = "$build/emulator/attack-$boot.cfg";
    make_path("$build/emulator");
    open my $file, '>', $path or die "$path: $!\n";
    print $file $text;
    close $file;
    return $path;
}

my %total;

# The last counts that an attacker has printed.
sub add_counts {
    my ($log, $name) = @_;
    my %count;
    for (grep { /^\[\Q$name\E\] ATTACK / } @{$log->{lines}}) {
        $count{$1} = $2 while /(\w+)=(\d+)/g;
    }
    $total{$_} += $count{$_} for keys %count;
    return $count{actions} // 0;
}

sub check_boot {
    my ($boot) = @_;
    my ($log) = boot("attack-$boot", config => configuration($boot), cpus => 2,
        files => ["$build/guest/attacker.elf", "$build/guest/victim.elf"]);
    report_all($log->check_taps, $log->check('GUEST name=victim result=pass'),
        $log->check('TAP guest=victim passed=4 failed=0'), $log->check('PINWHEEL done guests=4'));
    diag($_) for grep { /^\[victim\] ok \d+ - (?:the share|\d+ ticks)/ } @{$log->{lines}};
    for my $name (map { 'attacker-' . ($first + $boot * @vcpus + $_) } 0 .. $#vcpus) {
        my $actions = add_counts($log, $name);
        my ($end) = grep { $_->{tag} eq 'GUEST' && $_->{name} eq $name } @{$log->{records}};
        my ($reason) = map { /guest \Q$name\E is killed: (.+)/ ? $1 : () } @{$log->{lines}};
        ok($end && ($end->{result} eq 'pass' || ($end->{result} eq 'killed' && $reason)),
            "$name ends by itself, or is killed with a reason");
        diag("$name: $actions actions" . ($reason ? "; killed: $reason" : ''));
    }
}

my $boots = 0;
do { check_boot($boots++) } while ($total{actions} // 0) < $wanted && $boots < 100;
cmp_ok($total{actions} // 0, '>=', $wanted || 5 * $each, 'the attackers did enough');
cmp_ok($total{$_} // 0, '>', 0, "$_: done") for qw(rdmsr wrmsr port string_port device_memory instruction
    user_code control_register debug_register descriptors ipi nmi init sipi virtqueue route line apic_register
    apic_mode timer exceptions);
diag(join ' ', "HOSTILE boots=$boots", map { "$_=$total{$_}" } 'actions', grep { $_ ne 'actions' } sort keys %total);
done_testing();
