#!/usr/bin/expect -f
# make linux, as a user runs it: the shell prints its prompt, answers commands, and poweroff ends the
# machine. The output is TAP, as of every test. No wait has a limit of its own: if the machine hangs,
# tools/run ends it (--silence), which is the end of its output here.
set build [expr {[info exists env(B)] ? $env(B) : "build"}]
set number 0
# A minute of the emulated machine, whose TSC counts instructions, 50 million a second.
set most_instructions 3000000000
set timeout -1
log_user 0
match_max 100000
# At the speed of a typist: the serial port's FIFO holds 16 bytes, and a busy machine polls it every 10 ms.
set send_slow {1 .05}

proc report {ok text} {
    global number
    incr number
    puts "[expr {$ok ? "ok" : "not ok"}] $number - $text"
    return $ok
}

# Waits for the pattern. Without it the test ends: nothing after it can pass.
proc await {pattern text} {
    global expect_out
    expect {
        -re $pattern { report 1 $text }
        eof { report 0 "$text: the machine has ended" ; finish }
    }
}

# Types a command and waits for its answer and the next prompt.
proc ask {command pattern text} {
    send -s "$command\r"
    await "\n$pattern" $text
    await "linux# " "$text: then the prompt"
}

proc finish {} {
    global number
    puts "1..$number"
    catch close
    catch wait
    exit
}

set env(KERNEL) $build/linux/vmlinuz
set env(INITRD) $build/linux/initrd
set env(DISK) $build/linux/disk.img
set env(CMDLINE) "console=ttyS0 cryptomgr.notests"
set env(VCPUS) 2
set env(MEMORY) 256M
file mkdir $build/emulator/linux-shell
spawn tools/one-guest $build/emulator/linux-shell.img $build/BOOTX64.EFI --emu bochs \
    --silence 120 --timeout 3600 --log-dir $build/emulator/linux-shell
await "LINUX init tsc=(\[0-9]+) " "the first program runs"
set instructions $expect_out(1,string)
report [expr {$instructions < $most_instructions}] \
    "after $instructions instructions of the machine, at most $most_instructions"
await "linux# " "the shell's prompt"
ask "echo one \$((1 + 1)) three" "one 2 three" "echo"
ask "cat /proc/interrupts" "\[^#\]*ttyS0\[^#\]*virtio0" "the interrupts of the UART and of virtio"
ask "nproc" "2" "both vCPUs"
ask "dd if=/dev/vda bs=4k count=256 iflag=direct 2>/dev/null | wc -c" "1048576" "dd from the disk"
ask "cd /mnt && sha256sum -c SHA256SUMS" "file1: OK\[^#\]*file4: OK" "the disk's checksums"
ask "dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c" "16" "random numbers"
send -s "\001c"
await "COUNTERS guest=guest" "Ctrl-A c shows the counters"
send "\r"
await "linux# " "the guest continues"
ask "type reboot halt" "reboot is an alias for reboot -f\[^#\]*halt is an alias for poweroff -f" "reboot and halt act at once"
send -s "poweroff\r"
await "PINWHEEL done guests=1 passed=1 failed=0" "poweroff ends it"
set status [lindex [wait] 3]
report [expr {$status == 0}] "the run's status is 0"
puts "1..$number"
