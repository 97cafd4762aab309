"""`[media]`: RTP and the processes that handle it."""

from typing import Self

from pydantic import Field, model_validator

from sip_plugin.config.models.section import Problem, Section, refuse
from sip_plugin.config.values import IpAddress


class MediaConfig(Section):
    """`[media]`: RTP and the processes that handle it."""

    workers: int = Field(0, ge=0, le=256)
    """Worker processes; 0 starts one a core."""

    bind_address: IpAddress = "0.0.0.0"
    """IP address that RTP sockets listen on."""

    rtp_start_port: int = Field(10_000, ge=1024, le=65_535)
    """First UDP port for RTP."""

    rtp_end_port: int = Field(20_000, ge=1024, le=65_535)
    """Last UDP port for RTP and RTCP. A call takes two: an even one and the next."""

    leases_per_worker: int = Field(4, ge=1, le=256)
    """Bound ports that each worker hands to the SIP process in advance."""

    inactivity_secs: float = Field(30.0, gt=0, le=3600)
    """No RTP for so long, and not on hold, ends the call."""

    max_playout_secs: float = Field(120.0, gt=0, le=600)
    """Most agent audio that waits for the phone; what is beyond it is dropped."""

    record_dir: str = Field("", max_length=4096)
    """Folder for a stereo WAV of each call (left caller, right agent); empty records nothing."""

    @property
    def port_pairs(self) -> int:
        """RTP/RTCP pairs (even port and the next) in the range."""
        first_even = self.rtp_start_port + self.rtp_start_port % 2
        return max(0, (self.rtp_end_port - first_even + 1) // 2)

    @model_validator(mode="after")
    def _ports_suffice(self) -> Self:
        if self.rtp_end_port <= self.rtp_start_port:
            refuse(
                [
                    Problem(
                        ("rtp_end_port",),
                        f"must be above rtp_start_port ({self.rtp_start_port})",
                        (("rtp_start_port",),),
                    )
                ]
            )
        leases = max(1, self.workers) * self.leases_per_worker
        if self.port_pairs < leases:
            refuse(
                [
                    Problem(
                        ("rtp_end_port",),
                        f"the range has room for {self.port_pairs} RTP/RTCP port pairs, "
                        f"but {max(1, self.workers)} worker(s) with leases_per_worker = "
                        f"{self.leases_per_worker} need {leases}",
                        (("rtp_start_port",), ("leases_per_worker",), ("workers",)),
                    )
                ]
            )
        return self
