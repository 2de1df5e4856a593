/**
 * Every run of `npm test` tries the same generated cases, so that a change is judged by what it changed; SEED=N tries others, and
 * repeats them. `npm run fuzz` looks for new ones.
 */
import fc from 'fast-check'

export const seed = Number(process.env['SEED'] ?? 1)

fc.configureGlobal({ seed })
