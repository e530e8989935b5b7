// Runs a suite's checks one after another and reports as package suite, beside
// this folder, wants it.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'

export const broker = process.env.MOLDAU_BROKER
if (!broker) throw new Error('MOLDAU_BROKER is not set: start this through server/compat/run')
export const kafka = process.env.MOLDAU_SYSTEM === 'kafka'

// load imports a package from where `install` put it.
export const load = name => import(createRequire(`${process.env.MODULES}/`).resolve(name))

// A check that takes longer has failed; what it leaves behind dies with the process.
const limitMs = 60_000

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

export class Suite {
  #checks = []

  check (name, run) {
    this.#checks.push({ name, run })
  }

  // Runs the checks whose name holds `only` and ends the process.
  async run (only = '') {
    let passed = 0
    let failed = 0
    let stray // an error that a client raised where nobody waits for it
    process.on('unhandledRejection', e => { stray ??= e })
    for (const { name, run } of this.#checks.filter(c => c.name.includes(only))) {
      const start = performance.now()
      stray = undefined
      try {
        await inTime(run())
        if (stray) throw stray
        passed++
        console.log(`TEST passed ${name}\t${((performance.now() - start) / 1000).toFixed(1)} s`)
      } catch (e) {
        failed++
        // Indented, so that no line of an error is taken for one of the contract's.
        console.log('    ' + describe(e).replaceAll('\n', '\n    '))
        console.log(`TEST failed ${name}`)
      }
    }
    console.log(`SUITE passed ${passed} failed ${failed} pinned 0`)
    process.exit(failed > 0 || passed === 0 ? 1 : 0)
  }
}

function inTime (promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${limitMs / 1000} s`)), limitMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

function describe (e) {
  const causes = e => [e.cause, ...(e.errors ?? [])].filter(Boolean).flatMap(c => [c.message, ...causes(c)])
  return [e?.stack ?? e, ...causes(e)].join('\n').slice(0, 4000)
}

export const unique = prefix => `${prefix}-${randomUUID().slice(0, 8)}`

// Until the condition holds; the check's limit ends a wait for ever.
export async function until (condition) {
  while (!await condition()) await sleep(20)
}

// Equal at once, but for a real Kafka: it answers before its broker has heard of
// a change to metadata.
export async function settles (get, want, what) {
  const deadline = performance.now() + (kafka ? 5_000 : 0)
  for (;;) {
    try {
      return assert.deepEqual(await get(), want, what)
    } catch (e) {
      if (performance.now() >= deadline) throw e
    }
    await sleep(20)
  }
}

// The call must fail with just this error code of Kafka's.
export async function refused (adapter, code, what, call) {
  try {
    await call()
  } catch (e) {
    const got = adapter.code(e)
    if (got === undefined) throw e
    assert.equal(got, code, `error code of ${what}`)
    return
  }
  assert.fail(`${what} is not refused, want error ${code}`)
}
