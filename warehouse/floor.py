"""How a number of people is told: in whole floors, rounded down, or as fewer than one.

A report stands beside others of the same shop. Were exact numbers told, whoever subtracts two of them (a part from
its whole, an overlap from a segment, yesterday from today) would learn a number below the floor.
"""

import re
from dataclasses import dataclass

_PEOPLE = re.compile(r"\b(\d+)(?= (?:of \d+ )?(?:people|cases|customers)\b)")


@dataclass(frozen=True)
class Floor:
    """The fewest people whose number is told, and the step of what is told."""

    people: int

    @property
    def fewer(self) -> str:
        """In place of a number that is not told."""
        return f"< {self.people:,}"

    def told(self, people: int) -> int:
        """The number in whole floors, rounded down; 0 stands for fewer than one."""
        return people // self.people * self.people

    def words(self, people: int) -> str:
        """The number as it may be read."""
        return f"{self.told(people):,}" if people >= self.people else self.fewer

    def message(self, text: str) -> str:
        """A message of a stage, with the numbers of people in it told likewise."""
        return _PEOPLE.sub(lambda found: self.words(int(found[1])), re.sub(r"(of )(\d+)(?= people)", self._whole, text))

    def _whole(self, found: re.Match[str]) -> str:
        return found[1] + self.words(int(found[2]))
