"""Work in the background, of two kinds; nothing else in the package loops for ever.

A **follower** reads each org's changes from a position of its own and does something small. To add one, write
a function and name it:

    async def note_titles(connection: Connection, org_id: int, after: int, up_to: int) -> int:
        '''Process the changes after one sequence number up to another; return how far it came.'''
        await connection.execute(queries("titles")["note"], org_id, after, up_to)
        return up_to

    TITLES = Follower(name="titles", step=note_titles)

The position moves in the transaction of the step. A step may see a change again, and everything it does goes
through its connection; what may take long or fail outside the database is a job, which it adds by `add_jobs`.

A **job** is work that may fail, wait or be repeated. It is named by its org, its kind and a key:

    async def deliver(job: Begun) -> Done:
        '''Deliver one webhook; raises `JobFailed`.'''

    DELIVERIES = JobKind(name="delivery", run=deliver, at_once=16, at_once_of_org=2)

    await add_jobs(connection, org_id, "delivery", [key], now)  # in any transaction

A run may happen twice, if a process was killed or suspended; what `Done.finish` writes is written once. A
kind with a `schedule` is a recurring job that belongs to no org. Followers and kinds are given to the
`Worker` in compose.
"""
