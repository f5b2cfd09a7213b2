"""Phone numbers from the ranges that numbering plans reserve for fiction.

Nobody can be reached under one of these, so made-up calls never print a real person's number.
"""

from __future__ import annotations

_AREA_CODES = """
201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239
240 248 251 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312
313 314 315 316 317 318 319 320 321 323 325 330 331 334 336 337 339 347 351 352 360 361 386 401
402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 425 432 434 435 440 443 469 478 479
480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 540 541 551 559 561
562 563 567 570 571 573 574 580 585 586 601 602 603 605 606 607 608 609 610 612
"""

RANGES: dict[str, tuple[tuple[str, int], ...]] = {
    "US": tuple((f"+1{area}55501", 2) for area in _AREA_CODES.split()),
    "GB": (("+447700900", 3), ("+442079460", 3), ("+441134960", 3), ("+441144960", 3), ("+441174960", 3)),
    "FR": (("+3319900", 4), ("+3363998", 4)),
    "DE": (("+493023125", 3), ("+496990009", 3), ("+494066969", 3), ("+498999998", 3), ("+492214710", 3)),
    "AU": (("+6125550", 4), ("+6135550", 4), ("+6175550", 4), ("+6185550", 4)),
}
"""By country, the prefixes reserved for fiction and how many digits follow each."""


def fictional_number(country: str, index: int) -> str:
    """The country's made-up number with this index; indexes wrap around once all are used."""
    ranges = RANGES[country]
    rest, which = divmod(index, len(ranges))
    prefix, digits = ranges[which]
    return f"{prefix}{rest % 10**digits:0{digits}d}"
