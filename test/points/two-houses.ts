/** The houses of two providers, made anew for each test of a file: that of the sender, and ours, whose clock is a minute later. */
import { before, beforeEach } from 'node:test'
import type { Dispatch } from '../../src/points/ports.js'
import type { ReceptionOutcome } from '../../src/points/reception.js'
import { after, houseOf, makeWorld, type TestHouse, type World } from './house.js'
import { LIA, UGO, type SubmissionParts } from './submissions.js'
import { receiveFrom, sentBy } from './traffic.js'

export const EVA = 'eva@pec-b.test'

export let world: World
/** The sender's provider. */
export let a: TestHouse
/** Ours. */
export let b: TestHouse

before(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  a = await houseOf(world, world.a)
  b = await houseOf(world, world.b, { mailboxes: [UGO, EVA, LIA] })
  b.now = after(1)
})

export const sent = (parts?: SubmissionParts): Promise<Dispatch> => sentBy(a, parts)

export const receive = (
  dispatch: Pick<Dispatch, 'from' | 'message'>,
  recipients: readonly string[],
  house = b,
): Promise<ReceptionOutcome> => receiveFrom(dispatch, recipients, house)
