#!/usr/bin/expect -f
# make linux, as a person uses it: the shell's prompt comes within four minutes, what is typed is
# answered, and poweroff ends the machine. TAP, like every test here.
set build [expr {[info exists env(B)] ? $env(B) : "build"}]
set patience 240
set number 0
log_user 0
match_max 100000
# As a person types: the serial port keeps 16 bytes, and a busy machine looks at it each 10 ms.
set send_slow {1 .05}

proc report {ok text} {
    global number
    incr number
    puts "[expr {$ok ? "ok" : "not ok"}] $number - $text"
    return $ok
}

# Waits for the pattern; without it there is no use in going on.
proc await {pattern text {seconds 120}} {
    set timeout $seconds
    expect {
        -re $pattern { report 1 $text }
        timeout { report 0 "$text: nothing in $seconds s" ; finish }
        eof { report 0 "$text: the machine has ended" ; finish }
    }
}

# A command, and what it has to answer before the next prompt.
proc ask {command pattern text} {
    send -s "$command\r"
    await "\n$pattern" $text
    await "linux# " "$text: and the prompt again"
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
spawn tools/one-guest $build/emulator/linux-shell.img $build/BOOTX64.EFI --emu bochs --log-dir $build/emulator/linux-shell
await "linux# " "the shell's prompt" $patience
ask "echo one \$((1 + 1)) three" "one 2 three" "echo"
ask "cat /proc/interrupts" "\[^#\]*ttyS0\[^#\]*virtio0" "the interrupts of the UART and of virtio"
ask "nproc" "2" "both vCPUs"
ask "dd if=/dev/vda bs=4k count=256 iflag=direct 2>/dev/null | wc -c" "1048576" "dd from the disk"
ask "cd /mnt && sha256sum -c SHA256SUMS" "file1: OK\[^#\]*file4: OK" "the disk's checksums"
ask "dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c" "16" "random numbers"
send -s "\001c"
await "COUNTERS guest=guest" "Ctrl-A c shows the counters"
send "\r"
await "linux# " "and the guest goes on"
ask "type reboot halt" "reboot is an alias for reboot -f\[^#\]*halt is an alias for poweroff -f" "reboot and halt, too, ask nobody"
send -s "poweroff\r"
await "PINWHEEL done guests=1 passed=1 failed=0" "poweroff ends it"
set status [lindex [wait] 3]
report [expr {$status == 0}] "and the run's status is 0"
puts "1..$number"
