#!/usr/bin/env node
/** The command line of the gateway. */
import { Command } from 'commander'
import { administratorCommand } from './administrator.js'
import { archiveCommand } from './archive.js'
import { backupCommand, restoreCommand } from './backup.js'
import { ledgerCheckCommand } from './check.js'
import { doctorCommand } from './doctor.js'
import { domainCommand } from './domain.js'
import { holdCommand } from './hold.js'
import { indexCommand } from './index-command.js'
import { initCommand } from './init.js'
import { interopCommand } from './interop.js'
import { logCommand } from './log.js'
import { mailboxCommand } from './mailbox.js'
import { outageCommand } from './outage.js'
import { quarantineCommand } from './quarantine.js'
import { setCommand } from './set.js'
import { reloadCommand } from './reload.js'
import { statsCommand } from './stats.js'
import { checkCommand, startCommand } from './start.js'
import { complain, outliveReaders } from './terminal.js'
import { verifyCommand } from './verify.js'

const program = new Command('pec')
  .description('Certified mail (PEC, RFC 6109) on the Haraka mail server')
  .showHelpAfterError()
  .addCommand(initCommand())
  .addCommand(startCommand())
  .addCommand(reloadCommand())
  .addCommand(checkCommand())
  .addCommand(doctorCommand())
  .addCommand(setCommand())
  .addCommand(ledgerCheckCommand())
  .addCommand(backupCommand())
  .addCommand(restoreCommand())
  .addCommand(domainCommand())
  .addCommand(mailboxCommand())
  .addCommand(administratorCommand())
  .addCommand(indexCommand())
  .addCommand(logCommand())
  .addCommand(quarantineCommand())
  .addCommand(statsCommand())
  .addCommand(outageCommand())
  .addCommand(verifyCommand())
  .addCommand(archiveCommand())
  .addCommand(holdCommand())
  .addCommand(interopCommand())

outliveReaders()
program.parseAsync().catch(complain)
