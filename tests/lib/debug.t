#!/usr/bin/env perl
# tools/run --debug: both debuggers start, know the symbols, and end. The machine does not run a single
# instruction, so any file is a disk.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;

my $build = $ENV{B} // 'build';
my $dir = tempdir(CLEANUP => 1);
my ($address) = `nm $build/pinwheel.elf` =~ /^0*(\w+) T hypervisor_main$/m;
ok($address, 'the hypervisor has symbols');
open my $disk, '>', "$dir/disk" or BAIL_OUT("$dir/disk: $!");
truncate $disk, 1 << 20;

# What a debugger prints for these commands.
sub debug {
    my ($emulator, @commands) = @_;
    open my $file, '>', "$dir/commands" or BAIL_OUT("$dir/commands: $!");
    print $file map { "$_\n" } @commands;
    close $file;
    my $output = `tools/run --emu $emulator --cpus 1 --log-dir $dir/$emulator --debug $build/pinwheel.elf --debug $build/guest/hello.elf64 $dir/disk <$dir/commands 2>&1`;
    is($?, 0, "$emulator: the debugger ends");
    return $output;
}

like(debug('bochs', 'lb "hypervisor_main"', 'blist', 'q'), qr/lbreakpoint .* 0x$address/,
    "Bochs' debugger knows the hypervisor's functions");
like(debug('bochs', 'lb "guest_main"', 'blist', 'q'), qr/lbreakpoint .* 0x0+10\w{4}\b/, "and a guest's");
my $output = debug('qemu', 'info address hypervisor_main', 'info symbol guest_main', 'info registers rip', 'help pinwheel-loader');
like($output, qr/"hypervisor_main" is a function at address 0x$address/, 'gdb knows the functions of the hypervisor');
like($output, qr/guest_main in section \.text of \S*hello\.elf64/, "and a guest's");
like($output, qr/rip +0xfff0/, 'and sees the machine, which has not started');
like($output, qr/Find the boot loader/, 'and has the command for the boot loader');
done_testing();
