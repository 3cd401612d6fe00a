#!/usr/bin/env perl
# What single operations cost, beside KVM's figures and the goals. A figure above its limit fails. The
# table is written to build/emulator/bench.txt.
use strict;
use warnings;
no warnings 'portable'; # addresses of 64 bits
use lib 'tests/lib';
use Boot qw(boot report_all);
use Test::More;

my $build = $ENV{B} // 'build';
my @columns = qw(case cpus kvm_vid kvm_no_vid goal limit);

sub figures {
    open my $file, '<', 'tests/emulator/bench.figures' or die;
    my @rows;
    for (grep { !/^#/ && /\S/ } <$file>) {
        my %row;
        @row{@columns} = split;
        push @rows, \%row;
    }
    return @rows;
}

# Counts the instructions of a call of eoi_map_scan() with all 24 pins routed: the emulator's debugger
# stops at a call and traces each instruction. Every second call finds one of the pins rerouted
# elsewhere, so the larger of two counts is the result.
sub count_scan {
    my ($symbol) = grep { / T eoi_map_scan$/ } `nm $build/pinwheel.elf`;
    my ($start) = ($symbol // '') =~ /^(\w+)/ or return;
    open my $commands, '>', "$build/emulator/bench-lines.commands" or die;
    print $commands "lb 0x$start\n", "c\n" x 100, "d 1\ntrace on\ns 8000\nq\n";
    close $commands;
    my ($log) = boot('bench-lines', cpus => 1, files => ["$build/guest/bench_lines.elf"],
        debugger => "$build/emulator/bench-lines.commands");
    open my $trace, '<', "$build/emulator/bench-lines/bochs.out" or die;
    my ($inside, @counts) = (0);
    while (<$trace>) {
        my ($address, $instruction) = /^\(0\)\.\[\d+\] \[0x\w+\] \w+:(\w+) \([^)]*\): (\w+)/ or next;
        push @counts, 0 and $inside = 1 if $address eq $start;
        $counts[-1]++ if $inside;
        $inside = 0 if $instruction eq 'ret';
    }
    my @whole = sort { $b <=> $a } @counts > 2 ? @counts[0 .. 1] : ();
    return $whole[0];
}

# Counts the instructions of what is done against speculation, in the same way: at one VM exit and one VM entry,
# by the labels in arch/vmx/vmx_enter.asm and by the range of the thunks; when a CPU changes from one guest to
# another; and for each MiB of the first guest's memory that is mapped by pages of 4 KiB: it has two EPTs, whose
# building begins at the first two stops. Each count includes the check whether the guard is on.
sub count_guards {
    my %address = map { /^(\w+) \S (\S+)$/ ? ($2 => hex $1) : () } `nm $build/pinwheel.elf`;
    my ($exit, $begin, $build_ept, $change) = @address{qw(vmx_exit_guarded thunks_begin vm_build_ept vcpu_change_of_guest)};
    $exit && $begin && $build_ept && $change or return;
    open my $commands, '>', "$build/emulator/bench-guards.commands" or die;
    printf $commands "lb 0x%x\nc\nc\nd 1\nlb 0x%x\n%sd 2\ntrace on\ns 3000\ntrace off\nlb 0x%x\nc\ntrace on\ns 100\nq\n",
        $build_ept, $exit, "c\n" x 100, $change;
    close $commands;
    boot('bench-guards', cpus => 1, model => 'corei7_icelake_u', files => ["$build/guest/bench.elf"],
        debugger => "$build/emulator/bench-guards.commands");
    my %label = map { $_ => $address{"vmx_exit_guarded.$_"} // 0 } qw(not_all not_one history_is_clear);
    my @range = (
        [guard_rsb => $address{'vmx_exit_guarded.all'} // 0, $label{not_all}],
        [guard_rsb_one => $label{not_all}, $label{not_one}],
        [guard_bhb => $label{not_one}, $label{history_is_clear}],
        [guard_l1d_entry => $address{'vmx_enter.guarded'} // 0, $address{'vmx_enter.no_flush'} // 0],
        [guard_verw => $address{'vmx_enter.guarded'} // 0, $address{'vmx_enter.launch'} // 0],
        [guard_retpoline => $begin, $begin + 16 * 64],
    );
    open my $trace, '<', "$build/emulator/bench-guards/bochs.out" or die;
    my ($exits, $thunks, %count, @stops) = (0, 0);
    my @changes = qw(guard_ibpb guard_l1d);
    while (<$trace>) {
        push @stops, $1 if /^Next at t=(\d+)/;
        my ($at, $instruction) = /^\(0\)\.\[\d+\] \[0x\w+\] \w+:(\w+) \([^)]*\): (\w+)/ or next;
        $at = hex $at;
        $count{$changes[0]} = 0 if $at == $change;
        if (@changes && defined $count{$changes[0]}) {
            $count{$changes[0]}++;
            $count{$changes[0]} = 0 if $instruction eq 'wrmsr' && shift @changes && @changes;
        }
        $exits++ if $at == $exit;
        next if $exits != 1 && $exits != 2;
        for (grep { $at >= $$_[1] && $at < $$_[2] } @range) {
            my $whole = $$_[0] eq 'guard_retpoline' ? $at % 64 == 32 && ++$thunks : $exits == 1;
            $count{$$_[0]}++ if $$_[0] eq 'guard_retpoline' || $whole;
        }
    }
    # Without VERW the registers are loaded and BT is executed, too. The flush is not VERW's, but its check is.
    $count{guard_verw} -= 16 + $count{guard_l1d_entry} - 2 if $count{guard_verw} && $count{guard_l1d_entry};
    $count{map_mib_by_4_kib} = ($stops[2] - $stops[1]) / 4 if @stops > 2; # stop 0: the reset; the guest has 4 MiB
    $count{guard_retpoline} /= $thunks if $thunks;
    return map { {tag => 'BENCH', name => $_, instructions => int $count{$_}} } keys %count;
}

my %log;
($log{1}) = boot('bench', cpus => 1,
    files => [map { "$build/guest/$_.elf" } qw(bench bench_lines turns)]);
($log{2}) = boot('bench-ipi', cpus => 2, files => ["$build/guest/bench.elf"]);
($log{wide}) = boot('bench-wide', cpus => 1, files => ["$build/guest/bench_wide.elf"]);
report_all($log{wide}->check_taps,
    map { $log{wide}->check("GUEST name=wide-$_ result=pass code=0") } 1, 4, 16, 64);
push @{$log{1}{records}}, grep { $_->{tag} eq 'BENCH' && $_->{name} =~ /_\d+$/ } @{$log{wide}{records}};
for (1, 2) {
    report_all($log{$_}->check_taps, $log{$_}->check('GUEST name=bench result=pass code=0'));
}
report_all($log{2}->check('GUEST name=traced result=pass code=0'));
$_->{name} .= '_traced' for grep { $_->{tag} eq 'BENCH' && ($_->{guest} // '') eq 'traced' } @{$log{2}{records}};
if (defined(my $scan = count_scan())) {
    push @{$log{1}{records}}, {tag => 'BENCH', name => 'scan_24_pins', instructions => $scan};
}
push @{$log{1}{records}}, count_guards();
report_all((map { $log{1}->check("GUEST name=$_ result=pass code=0") } qw(lines turns)),
    $log{1}->check('/24 level-triggered pins are routed to this vCPU/'),
    map { $log{1}->check("EXITS guest=turns vcpu=$_ name=\"PAUSE\" count>=25") } 0 .. 3);

my $format = "%-21s %10s %12s %12s %8s  %s\n";
my $table = sprintf $format, 'in instructions', 'Pinwheel', 'KVM, VID', 'KVM, no VID', 'goal', '';
for my $row (figures()) {
    my ($bench) = grep { $_->{tag} eq 'BENCH' && $_->{name} eq $row->{case} }
        @{$log{$row->{cpus}}{records}};
    my $ours = $bench ? $bench->{instructions} : 'none';
    my $met = $row->{goal} eq '-' || ($ours ne 'none' && $ours <= $row->{goal});
    ok($ours ne 'none' && $ours <= $row->{limit}, "$row->{case}: $ours, limit $row->{limit}");
    $table .= sprintf $format, $row->{case}, $ours, @$row{qw(kvm_vid kvm_no_vid goal)},
        $ours eq 'none' ? 'missing' : $met ? '' : 'goal missed';
}
my ($boot) = grep { $_->{tag} eq 'BENCH' && $_->{name} eq 'boot_to_guest' } @{$log{1}{records}};
$table .= "\nFrom the first instruction of BOOTX64.EFI to the first guest: $boot->{instructions}\n"
    if $boot;
cmp_ok($boot ? $boot->{instructions} : 1e9, '<=', 60e6, 'instructions until the first guest runs');
my $efi = -s "$build/BOOTX64.EFI";
cmp_ok($efi, '<=', 512 * 1024, 'BOOTX64.EFI has at most half a MiB');
$table .= "BOOTX64.EFI: $efi bytes\n";
open my $file, '>', "$build/emulator/bench.txt" or die;
print $file $table;
done_testing();
