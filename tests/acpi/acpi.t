#!/usr/bin/env perl
# iasl, the reference for ACPI tables, disassembles each table of a guest and compiles the result to the
# same bytes, without a warning. The RSDP has no table header, so iasl only compiles it, from its own
# template.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;

my $build = $ENV{B} // 'build';
my $iasl = $ENV{IASL} // 'iasl';

sub content {
    my ($path) = @_;
    open my $file, '<:raw', $path or return "no $path";
    local $/;
    return scalar <$file>;
}

# iasl prints warnings on both outputs and in comments of the disassembly.
sub quiet {
    my ($output) = @_;
    return !grep { /warning|error|remark|invalid|incorrect|unknown|corrupt/i
                   && !/\b0 Errors, 0 Warnings, 0 Remarks\b/ } split /\n/, $output;
}

# Runs iasl in a directory. Returns its exit status and its output.
sub iasl {
    my ($dir, @arguments) = @_;
    my $output = `cd '$dir' && '$iasl' @arguments 2>&1`;
    return ($?, $output);
}

# Without the checksum and the creator ID and revision, which iasl replaces by its own.
sub comparable {
    my ($table) = @_;
    substr($table, $_, 1) = '-' for 9, 28 .. 35;
    return $table;
}

sub check_table {
    my ($dir, $table) = @_;
    my ($status, $output) = iasl($dir, '-p', $table, '-d', "$table.bin");
    $output .= content("$dir/$table.dsl");
    ok($status == 0 && quiet($output), "$table is disassembled") or diag($output);
    ($status, $output) = iasl($dir, '-we', '-p', "$table-again", "$table.dsl");
    ok($status == 0 && quiet($output), "$table is compiled again") or diag($output);
    is(unpack('H*', comparable(content("$dir/$table-again.aml"))),
       unpack('H*', comparable(content("$dir/$table.bin"))), "$table has the same bytes");
}

sub check_rsdp {
    my ($dir) = @_;
    my $ours = content("$dir/RSDP.bin");
    my ($status, $output) = iasl($dir, '-T', 'RSDP');
    my $source = content("$dir/rsdp.asl");
    my $address = sprintf '%016X', unpack 'Q<', substr $ours, 24, 8;
    my $older = sprintf '%08X', unpack 'L<', substr $ours, 16, 4;
    $source =~ s/"INTEL "/"PINWHL"/;
    $source =~ s/(XSDT Address : )\w+/$1$address/;
    $source =~ s/(RSDT Address : )\w+/$1$older/;
    open my $file, '>', "$dir/rsdp.asl" or die "rsdp.asl: $!";
    print $file $source;
    close $file;
    ($status, $output) = iasl($dir, '-we', '-p', 'rsdp', 'rsdp.asl');
    ok($status == 0 && quiet($output), 'an RSDP is compiled') or diag($output);
    is(unpack('H*', content("$dir/rsdp.aml")), unpack('H*', $ours), 'and has the bytes of ours');
}

for my $vcpus (1, 8, 300) {
    my $dir = tempdir(CLEANUP => 1);
    is(system("$build/host/acpi/write_tables", "$build/hv/dsdt.aml", $dir, $vcpus), 0,
       "the tables for $vcpus vCPUs are written") or next;
    is(join(' ', map { m{(\w+)\.bin$} } sort glob "$dir/*.bin"), 'APIC DSDT FACP RSDP RSDT XSDT',
       'all six tables');
    check_table($dir, $_) for qw(APIC DSDT FACP RSDT XSDT);
    check_rsdp($dir);
}
done_testing();
